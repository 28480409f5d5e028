"""`healthy`: wait until node and web of this version work, or say what is missing; an update asks
this before it stays."""

import argparse
import os
import time
from importlib.metadata import version as package_version

from broker.client import Client
from deploy.cli import addressee, show
from deploy.serve.answering import ASK_S, of_node, of_web
from deploy.serve.serving import bound
from schemas import Problem, Settings
from schemas.settings.load import load

PAUSE_S = 0.2
IDLE = ("Preoperational", "Initialized", "Error", "Offline")


def healthy(args: argparse.Namespace) -> int:
    """0 once node and web are well; 1 if they are not within --wait seconds, with the reason."""
    settings = load(args.config, os.environ, user=args.only or "node").settings
    end = time.monotonic() + args.wait
    while True:
        missing = _missing(args, settings)
        if not missing or time.monotonic() >= end:
            break
        time.sleep(PAUSE_S)
    if args.json:
        show.document({"healthy": not missing, "missing": missing})
    else:
        well = f"{args.only} is well" if args.only else "node and web are well"
        print("\n".join(missing) or well)
    return 1 if missing else 0


def _missing(args: argparse.Namespace, settings: Settings) -> list[str]:
    """What is wrong with what was asked about."""
    told = []
    if args.only == "node":
        told.append(of_node(settings.metrics, args.any_station))
    elif args.only is None:
        told.append(_node(args, args.any_station))
    if args.only != "node":
        web = bound(settings.web, os.environ)
        told.append(of_web(settings.model_copy(update={"web": web})))
    return [each for each in told if each]


def _node(args: argparse.Namespace, any_station: bool) -> str:
    """What is wrong with the node: that it does not answer, is another version, or has a station
    that takes no trigger."""
    asking, node = addressee.reached(args)
    wanted = package_version("inspection-node")
    try:
        with Client(asking, node) as client:
            reply = client.request("ping", {}, ASK_S)
            state = client.retained("state") or {}
    except Problem as problem:
        return f"node: {problem.code}: {problem.message}"
    version = (reply.data or {}).get("version")
    if version != wanted:
        return f"node: version {version} runs, not {wanted}"
    if any_station:
        return ""
    stations = {
        station_id: told.get("state") for station_id, told in (state.get("stations") or {}).items()
    }
    idle = [
        f"station {station_id} is {told}" for station_id, told in stations.items() if told in IDLE
    ]
    return f"node: {', '.join(idle) or 'it tells no stations'}" if idle or not stations else ""
