"""Traces: the W3C context of a trigger comes back with its result, and, by setting, its inspection
becomes spans.

Spans are sent by OTLP over HTTP, as JSON, by a thread of their own; an inspection never waits for
it. A collector that is away costs spans, which are counted, and nothing else. Without an endpoint
nothing is kept and no thread runs.
"""

import json
import logging
import math
import re
import secrets
import threading
import time
import urllib.request
from collections import OrderedDict, deque
from http.client import HTTPException
from typing import Any, NamedTuple

from node.record import Record
from schemas import Result
from schemas.settings import TracingSettings

log = logging.getLogger(__name__)
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
KNOWN = 10_000  # results whose context is remembered until they are sent
EARLY_NS = 2000  # more than what is lost in whole microseconds
MOST = 1000  # inspections that wait to be sent
EVERY_S = 1.0
SEND_S = 5.0
STEPS = ("trigger", "acquire", "locate", "measure", "judge", "output", "publish")
INTERNAL, CONSUMER, ERROR = 1, 5, 2  # of OTLP


def context_of(user: tuple[tuple[str, str], ...]) -> str | None:
    """The user property `traceparent` of a message, if it is one (W3C Trace Context, version
    00)."""
    if not user:
        return None
    traceparent = dict(user).get("traceparent", "")
    return traceparent if TRACEPARENT.fullmatch(traceparent) else None


class EndedInspection(NamedTuple):
    """What spans are made of, without the pictures that the inspection holds; times by the
    monotonic clock."""

    result: Result
    trace: str | None
    received_ns: int
    began_ns: int
    trigger_ns: int
    stored_ns: int


class Tracing:
    """See the head of this file. `contexts`: of results that may still be sent, by result id."""

    def __init__(self, settings: TracingSettings, node: str, version: str) -> None:
        self.contexts: OrderedDict[str, str] = OrderedDict()
        self.dropped = 0
        self._url = settings.endpoint and f"{settings.endpoint.rstrip('/')}/v1/traces"
        self._resource = _attributes(
            {
                "service.name": "inspection-node",
                "service.instance.id": node,
                "service.version": version,
            }
        )
        self._waiting: deque[EndedInspection] = deque()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._well = True

    def start(self) -> None:
        """Begin to send, if there is somewhere to send to."""
        if self._url is not None:
            self._thread = threading.Thread(target=self._run, name="tracing", daemon=True)
            self._thread.start()

    def stop(self, limit_s: float) -> None:
        """Send what waits, then end."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(limit_s)

    def begun(self, result_id: str, trace: str) -> None:
        """The result of a part that came with a context is on its way."""
        self.contexts[result_id] = trace
        while len(self.contexts) > KNOWN:
            self.contexts.popitem(last=False)

    def ended(self, record: Record, result: Result) -> None:
        """The result is stored: its spans can be sent."""
        if self._url is None:
            return
        if len(self._waiting) >= MOST:
            self.dropped += 1
        else:
            part = record.part
            # a part that was looked at early began while its trigger was committed; one of which a
            # worker could tell nothing but that has no times
            wait_ms = record.outcome.timings_ms.get("wait", math.inf)
            early = wait_ms < (record.began_ns - part.received_ns - EARLY_NS) / 1e6
            began_ns = part.received_ns + round(wait_ms * 1e6) if early else 0
            ended = EndedInspection(
                result,
                part.trace,
                part.received_ns,
                began_ns if early else record.began_ns,
                began_ns if early else record.trigger_ns,
                time.monotonic_ns(),
            )
            self._waiting.append(ended)

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._send()
        self._send()

    def _send(self) -> None:
        parts = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not parts:
            return
        spans = [span for part in parts for span in spans_of(part)]
        scope = {"scope": {"name": "inspection-node"}, "spans": spans}
        body = {
            "resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": [scope]}]
        }
        request = urllib.request.Request(
            str(self._url),
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=SEND_S):  # its status is all that we ask
                self._well = True
        except (OSError, ValueError, HTTPException) as error:
            self.dropped += len(parts)
            if self._well:
                log.warning("traces: %s takes no spans (%s)", self._url, error)
            self._well = False


def spans_of(part: EndedInspection) -> list[dict[str, Any]]:
    """One span for the part, and a child for each step that it came to; times from the monotonic
    clock, given as wall clock."""
    result = part.result
    given = TRACEPARENT.fullmatch(part.trace or "")
    trace_id = given[1] if given else secrets.token_hex(16)
    wall_ns = time.time_ns() - time.monotonic_ns()
    marks = {"trigger": part.trigger_ns}
    at = part.began_ns
    for name in STEPS[1:6]:
        if name in result.timings_ms:
            at += round(result.timings_ms[name] * 1e6)
            marks[name] = at
    marks["publish"] = part.stored_ns
    root = secrets.token_hex(8)
    about = {
        "inspection.station": result.station,
        "inspection.trigger_id": result.trigger_id,
        "inspection.seq": result.seq,
    }
    about |= {"inspection.result_id": result.result_id, "inspection.verdict": result.verdict}
    about |= {"inspection.program": result.program or "", "inspection.simulated": result.simulated}
    failed = {"status": {"code": ERROR, "message": result.error.code}} if result.error else {}
    whole = _span(trace_id, root, "inspect", part.received_ns + wall_ns, part.stored_ns + wall_ns)
    whole |= {"kind": CONSUMER, **failed}
    whole["attributes"] = _attributes(about)
    if given:
        whole["parentSpanId"] = given[2]
    children, begin_ns = [], part.began_ns
    for name in STEPS:
        if (end_ns := marks.get(name, 0)) >= begin_ns:
            child = _span(
                trace_id, secrets.token_hex(8), name, begin_ns + wall_ns, end_ns + wall_ns
            )
            children.append({**child, "kind": INTERNAL, "parentSpanId": root})
            begin_ns = end_ns
    return [whole, *children]


def _span(trace_id: str, span_id: str, name: str, begin_ns: int, end_ns: int) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(begin_ns), "endTimeUnixNano": str(end_ns)}
    return {"traceId": trace_id, "spanId": span_id, "name": name, **times}


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}
