"""`doctor`: check everything the node needs, and say what to do about each finding."""

import argparse
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

from broker.client import Client
from broker.probe import Tried, probe
from deploy.cli import addressee, attached, loadable, machine, show
from deploy.cli.machine import CheckFinding, failed
from schemas import Problem
from schemas.settings import BrokerSettings
from schemas.settings.load import Loaded

DELAYED_MS = (35.0, 200.0)
PING_S = 3.0
LEAST_PACKET_BYTES = 64 * 1024


def doctor(args: argparse.Namespace) -> int:
    """0 if nothing failed. With --broker and without --config, only the broker and the node are
    asked."""
    rows: list[CheckFinding] = []
    for row in _rows(args):
        rows.append(row)
        if sys.stderr.isatty() and not args.json:
            print(f"\r\x1b[2K{row.check} {row.status}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty() and not args.json:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
    worst = "fail" if any(row.status == "fail" for row in rows) else "ok"
    if args.json:
        show.document({"ok": worst == "ok", "checks": [row._asdict() for row in rows]})
    else:
        show.table(("check", "", "found", "what to do"), rows)
    return 1 if worst == "fail" else 0


def _rows(args: argparse.Namespace) -> Iterator[CheckFinding]:
    loaded: Loaded | None = None
    if args.broker is None or args.config is not None:
        try:
            loaded = addressee.loaded(args)
        except Problem as problem:
            for error in problem.details.get("errors") or [problem.message]:
                yield CheckFinding(
                    "settings",
                    "fail",
                    error,
                    "Correct the key, or give --config FILE or --broker URL",
                )
            return
        given = sum(source != "default" for source in loaded.sources.values())
        yield CheckFinding(
            "settings",
            "ok",
            f"{loaded.path}: {given} keys given, {len(loaded.settings.station)} stations",
        )
    try:
        settings, node = addressee.reached(args, as_node=True)
        asking, _ = addressee.reached(args)
    except Problem as problem:
        yield failed("settings", problem)
        return
    up = False
    for row in broker(settings, node, ours=loaded is not None):
        up = up or (row.check == "broker" and row.status == "ok")
        yield row
    running = loaded is None
    if loaded is not None:
        state = Path(loaded.settings.state_dir)
        with addressee.owner(state):
            yield from machine.disk(loaded.settings)
            yield from machine.clock(loaded.settings)
            yield from loadable.tools()
            yield from loadable.programs(loaded.settings)
            yield from attached.lines(loaded.settings)
        yield from machine.reach(loaded.settings)
        yield from machine.certificates(loaded.settings)
        yield from machine.permissions(loaded.settings, loaded.path, os.environ)
        running = yield from _cameras_if_free(loaded)
    if not running:
        yield CheckFinding(
            "node", "warn", "it does not run", "inspection-node run, or start its service"
        )
    elif up:
        yield from ask(asking, node)


def broker(settings: BrokerSettings, node: str, *, ours: bool) -> Iterator[CheckFinding]:
    """The broker as a node would use it; `ours` says that this is the node's own account."""
    try:
        probed = probe(settings, node)
    except Problem as problem:
        yield failed("broker", problem)
        return
    yield CheckFinding("broker", "ok", f"{settings.url} as {settings.username or 'anonymous'}")
    if probed.v5:
        yield CheckFinding("broker MQTT 5", "ok", "yes")
    else:
        yield CheckFinding(
            "broker MQTT 5",
            "warn",
            "MQTT 3.1.1 only",
            "Results sent again are not marked, commands do not expire: update it",
        )
    if probed.tried is None:
        todo = (
            "Allow the node's account what acl.conf does"
            if ours
            else "Only the node's account may try the rest"
        )
        yield CheckFinding(
            "broker access", "fail" if ours else "warn", probed.refused or "refused", todo
        )
    else:
        yield _speed(probed.tried)
        yield _wanted(
            "broker retained",
            probed.tried.retained,
            "yes",
            "no",
            "Allow retained messages: state and alarms need them",
        )
    if not probed.two:
        yield CheckFinding(
            "broker connections",
            "warn",
            "one only",
            "Allow the node two: else commands wait behind triggers",
        )
    todo = "Allow persistent sessions: triggers that come while the node is away are lost"
    yield _wanted("broker sessions", probed.session, "keeps ours", "forgets ours", todo)
    expiry_s = probed.properties.get("SessionExpiryInterval", settings.session_expiry_s)
    if expiry_s < settings.session_expiry_s:
        todo = f"Raise it to broker.session_expiry_s, {settings.session_expiry_s} s"
        yield CheckFinding("broker sessions", "warn", f"kept for {expiry_s} s only", todo)
    if probed.properties.get("MaximumQoS", 1) < 1:
        yield CheckFinding("broker QoS", "fail", "QoS 0 only", "Allow QoS 1: the promise needs it")
    if not probed.properties.get("WildcardSubscriptionAvailable", 1):
        todo = (
            "Allow them: without, what is sent to stations and commands that do not exist is not"
            " answered"
        )
        yield CheckFinding("broker wildcards", "warn", "none", todo)
    if probed.properties.get("MaximumPacketSize", LEAST_PACKET_BYTES) < LEAST_PACKET_BYTES:
        found_bytes = probed.properties["MaximumPacketSize"]
        yield CheckFinding(
            "broker packets",
            "fail",
            f"at most {found_bytes} bytes",
            f"Allow at least {LEAST_PACKET_BYTES} bytes",
        )


def _speed(tried: Tried) -> CheckFinding:
    times = f"PUBACK {tried.puback_ms:.2f} ms, round trip {tried.echo_ms:.2f} ms (medians)"
    slowest = max(tried.puback_ms, tried.echo_ms)
    if slowest < DELAYED_MS[0]:
        return CheckFinding("broker speed", "ok", times)
    if slowest > DELAYED_MS[1]:
        return CheckFinding("broker speed", "warn", times, "The network or the broker is slow")
    return CheckFinding(
        "broker speed",
        "warn",
        times,
        "This smells of a missing TCP_NODELAY: in mosquitto.conf, set_tcp_nodelay true",
    )


def ask(settings: BrokerSettings, node: str) -> Iterator[CheckFinding]:
    """What a running node says about itself."""
    with Client(settings, node) as client:
        try:
            reply = client.request("ping", {}, PING_S)
        except Problem as problem:
            yield failed("node", problem)
            return
        yield CheckFinding(
            "node", "ok", f"{node} runs, version {(reply.data or {}).get('version')}"
        )
        state = client.retained("state") or {}
    for station_id, station in (state.get("stations") or {}).items():
        for part in ("camera", "outputs"):
            told = station.get(part)
            if told == "error":
                error = station.get("error") or {}
                yield CheckFinding(
                    f"{part} {station_id}",
                    "fail",
                    f"{error.get('code')}: {error.get('message')}",
                    "See the alarm and the log",
                )
            else:
                yield CheckFinding(
                    f"{part} {station_id}", "ok" if told in ("ok", "none") else "warn", str(told)
                )
        ready = station.get("state") in ("Ready", "SingleExecution", "ContinuousExecution")
        error = station.get("error") or {}
        standing = (
            f"{station.get('state')}, program {station.get('program')} version"
            f" {station.get('program_version')}"
        )
        yield CheckFinding(
            f"station {station_id}",
            "ok" if ready else "warn",
            standing,
            "" if ready else error.get("message") or "See its state",
        )
    for reason in state.get("broker") or ():
        yield CheckFinding(
            "broker and node", "warn", reason, "See the terms of the broker in docs/broker.md"
        )
    for code in state.get("alarms") or ():
        yield CheckFinding(
            f"alarm {code}", "warn", "active", "See the topic alarm, or `inspection-node watch`"
        )


def _cameras_if_free(loaded: Loaded) -> Generator[CheckFinding, None, bool]:
    """Opens the cameras unless a running node holds them; returns whether one runs."""
    from node.state_lock import lock_state

    try:
        lock = lock_state(Path(loaded.settings.state_dir))
    except Problem as problem:
        if problem.code != "STATE_LOCKED":
            raise
        return True
    try:
        yield from attached.cameras(loaded.settings, loaded.path.parent)
    finally:
        os.close(lock)
    return False


def _wanted(check: str, there: bool, yes: str, no: str, todo: str) -> CheckFinding:
    return CheckFinding(check, "ok", yes) if there else CheckFinding(check, "fail", no, todo)
