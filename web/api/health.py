"""Is all well: for a probe in one word; in detail for whoever is signed in or has the metrics
token."""

from typing import Any, NotRequired

from flask import Blueprint, Response, g, request
from typing_extensions import TypedDict

from web.access import requires
from web.health_checks import look
from web.metrics import as_json, as_prometheus
from web.response import ok, written
from web.site import site

health = Blueprint("health", __name__)
FREE = "off"  # probes come often, and an answer is made once a second at most


class Sentence(TypedDict):
    """A sentence, and what is put in at `{name}`: for whoever says it in another language."""

    text: str
    values: dict[str, Any]


class Component(TypedDict):
    """One part of the whole: how it is since when (UTC), and what to do about it. `message` is
    `said` in English; `log` is the command that shows the log of its `unit`, `line` the last line
    of an error there where lines go to files; both are empty while it is ok."""

    status: str
    message: str
    advice: str
    said: list[Sentence]
    since: str
    unit: str
    log: str
    line: str


class Health(TypedDict):
    """How all is; what answers, and the parts, for whoever is signed in or has the metrics
    token."""

    status: str
    node_id: NotRequired[str]
    version: NotRequired[str]
    environment: NotRequired[str]
    production_mode: NotRequired[bool]
    wsgi_server: NotRequired[str]
    python: NotRequired[str]
    pid: NotRequired[int]
    uptime_s: NotRequired[float]
    at: NotRequired[str]
    components: NotRequired[dict[str, Component]]


@health.get("/api/v1/health")
@health.get("/health")
@health.get("/health/detailed")
@health.get("/status")
@health.get("/api/system/status")
@requires("PUBLIC", limit=FREE, data=Health)
def overall() -> Response:
    """`ok`, `degraded` (it works, something is missing) or `error`; every component for people who
    are signed in. A node or a broker that is away is an `error` of its own, and the whole
    `degraded`: history and programs go on."""
    looked = look(site(), request.environ.get("SERVER_SOFTWARE", ""))
    return written(
        looked.full if _trusted() else looked.brief, 503 if looked.status == "error" else 200
    )


@health.get("/api/v1/health/ready")
@requires("PUBLIC", limit=FREE, data=Health)
def ready() -> Response:
    """Whether requests can be answered: the stores can be read and written. 503 if not."""
    good = look(site(), request.environ.get("SERVER_SOFTWARE", "")).status != "error"
    return ok({"status": "ready" if good else "not ready"}, status=200 if good else 503)


@health.get("/api/v1/health/live")
@requires("PUBLIC", limit=FREE, data=Health)
def live() -> Response:
    """Whether this process answers; it looks at nothing else."""
    return ok({"status": "alive"})


@health.get("/api/v1/metrics")
@health.get("/metrics")
@requires("METRICS", limit=FREE, gives=("text/plain", "application/json"))
def metrics() -> Response:
    """Prometheus text, or JSON for `Accept: application/json`."""
    here = site()
    best = request.accept_mimetypes.best_match(["text/plain", "application/json"], "text/plain")
    if best == "application/json":
        return ok(as_json(here))
    return Response(as_prometheus(here), content_type="text/plain; version=0.0.4; charset=utf-8")


def _trusted() -> bool:
    return g.get("person") is not None or bool(g.get("metrics"))
