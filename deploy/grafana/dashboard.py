"""The Grafana dashboard as a table of panels. `python -m deploy.grafana.dashboard` writes or checks
it.

Import `deploy/grafana/inspection.json` into Grafana 10 or newer; it asks which Prometheus it should
show.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.generate import run

COMMAND = "python -m deploy.grafana.dashboard"
PATH = "deploy/grafana/inspection.json"
HERE = 'instance=~"$instance"'
LINE = f'{HERE},station=~"$station"'
SOURCE = {"type": "prometheus", "uid": "${source}"}


class Panel(NamedTuple):
    """One panel: its title, its expressions by legend, the unit, its width out of 24, and what kind
    it is."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    width: int = 8
    kind: str = "timeseries"


PANELS = (
    Panel("Ready", {"{{station}}": f"inspection_station_ready{{{LINE}}}"}, width=4, kind="stat"),
    Panel("Broker", {"{{instance}}": f"inspection_broker_online{{{HERE}}}"}, width=4, kind="stat"),
    Panel("Alarms", {"{{code}}": f"inspection_alarm{{{HERE}}} == 1"}, width=8, kind="stat"),
    Panel("Version", {"{{version}}": f"inspection_build_info{{{HERE}}}"}, width=4, kind="stat"),
    Panel("Certificates", {"{{file}}": f"inspection_certificate_days{{{HERE}}}"}, "d", 4, "stat"),
    Panel(
        "Results a second",
        {
            "{{station}} {{verdict}}": (
                "sum by (station, verdict)"
                f" (rate(inspection_results_total{{{LINE}}}[$__rate_interval]))"
            )
        },
        "ops",
    ),
    Panel(
        "Bad parts",
        {
            "{{station}}": f"inspection:reject_ratio:5m{{{LINE}}}",
            "{{station}} ERROR": f"inspection:error_ratio:5m{{{LINE}}}",
        },
        "percentunit",
    ),
    Panel(
        "Not judged, by reason",
        {
            "{{station}} {{code}}": (
                "sum by (station, code) "
                f'(increase(inspection_results_total{{{LINE},code!=""}}[$__rate_interval]))'
            )
        },
    ),
    Panel(
        "Trigger to verdict",
        {
            f"{{{{station}}}} p{share * 100:g}": (
                f"histogram_quantile({share}, sum by (station, le) "
                f"(rate(inspection_duration_seconds_bucket{{{LINE}}}[$__rate_interval])))"
            )
            for share in (0.5, 0.95, 0.99)
        },
        "s",
    ),
    Panel(
        "Steps, mean",
        {
            "{{station}} {{stage}}": (
                "sum by (station, stage)"
                f" (rate(inspection_stage_seconds_sum{{{LINE}}}[$__rate_interval])) / sum by"
                " (station, stage)"
                f" (rate(inspection_stage_seconds_count{{{LINE}}}[$__rate_interval]))"
            )
        },
        "s",
    ),
    Panel(
        "Tools, mean",
        {
            "{{station}} {{tool}}": (
                "sum by (station, tool)"
                f" (rate(inspection_tool_seconds_sum{{{LINE}}}[$__rate_interval])) / sum by"
                " (station, tool)"
                f" (rate(inspection_tool_seconds_count{{{LINE}}}[$__rate_interval]))"
            )
        },
        "s",
    ),
    Panel("Triggers that wait", {"{{station}}": f"inspection_queue_depth{{{LINE}}}"}),
    Panel(
        "Known ids, ignored, hung",
        {
            "{{station}} known": (
                f"increase(inspection_duplicates_total{{{LINE}}}[$__rate_interval])"
            ),
            "{{station}} ignored": (
                f"increase(inspection_ignored_total{{{LINE}}}[$__rate_interval])"
            ),
            "{{station}} hung": f"increase(inspection_abandoned_total{{{LINE}}}[$__rate_interval])",
        },
    ),
    Panel(
        "Triggers by source",
        {
            "{{station}} {{source}}": (
                "sum by (station, source)"
                f" (rate(inspection_triggers_total{{{LINE}}}[$__rate_interval]))"
            )
        },
        "ops",
    ),
    Panel(
        "Results that wait for the broker", {"{{instance}}": f"inspection_outbox_depth{{{HERE}}}"}
    ),
    Panel("Age of the oldest", {"{{instance}}": f"inspection_outbox_age_seconds{{{HERE}}}"}, "s"),
    Panel(
        "Broker",
        {
            "{{what}}": (
                f"sum by (what) (increase(inspection_broker_total{{{HERE}}}[$__rate_interval]))"
            )
        },
    ),
    Panel("Disk free", {"{{instance}}": f"inspection_disk_free_ratio{{{HERE}}}"}, "percentunit"),
    Panel("Pictures", {"{{instance}}": f"inspection_picture_bytes{{{HERE}}}"}, "bytes"),
    Panel(
        "Pictures dropped",
        {
            "{{instance}}": (
                f"increase(inspection_pictures_dropped_total{{{HERE}}}[$__rate_interval])"
            )
        },
    ),
    Panel(
        "Memory",
        {"{{job}} {{instance}}": 'process_resident_memory_bytes{job=~"inspection-.*"}'},
        "bytes",
    ),
    Panel(
        "Processor",
        {
            "{{job}} {{instance}}": (
                'rate(process_cpu_seconds_total{job=~"inspection-.*"}[$__rate_interval])'
            )
        },
    ),
    Panel("Workers: memory", {"{{station}}": f"inspection_worker_bytes{{{LINE}}}"}, "bytes"),
    Panel(
        "Workers that ended",
        {"{{station}}": f"increase(inspection_workers_ended_total{{{LINE}}}[$__rate_interval])"},
    ),
    Panel(
        "Heartbeats",
        {"{{thread}}": f"max by (thread) (inspection_heartbeat_age_seconds{{{HERE}}})"},
        "s",
    ),
    Panel(
        "Web: requests a second",
        {"{{status}}": "sum by (status) (rate(inspection_web_requests_total[$__rate_interval]))"},
        "ops",
    ),
    Panel("Web: one in twenty takes", {"{{instance}}": "inspection:web_seconds:p95_5m"}, "s"),
    Panel(
        "Web: sessions, and requests being answered",
        {"sessions": "inspection_web_sessions", "requests": "inspection_web_requests_in_progress"},
    ),
)


def text() -> str:
    """The dashboard as Grafana imports it."""
    document = {
        "uid": "inspection-node",
        "title": "Inspection",
        "tags": ["inspection"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "type": "datasource",
                    "query": "prometheus",
                    "label": "Prometheus",
                },
                _variable("instance", 'label_values(up{job="inspection-node"}, instance)'),
                _variable("station", f"label_values(inspection_station_ready{{{HERE}}}, station)"),
            ]
        },
        "panels": list(_placed()),
    }
    return json.dumps(document, indent=1) + "\n"


def _variable(name: str, query: str) -> dict[str, Any]:
    shown = {
        "name": name,
        "label": name.title(),
        "type": "query",
        "datasource": SOURCE,
        "query": query,
        "refresh": 2,
    }
    return {
        **shown,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _placed() -> Iterator[dict[str, Any]]:
    x = y = 0
    for number, panel in enumerate(PANELS, 1):
        height = 4 if panel.kind == "stat" else 8
        if x + panel.width > 24:
            x, y = 0, y + (4 if PANELS[number - 2].kind == "stat" else 8)
        yield {
            "id": number,
            "type": panel.kind,
            "title": panel.title,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": panel.width, "h": height},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
            "targets": [
                {
                    "refId": chr(65 + place),
                    "datasource": SOURCE,
                    "expr": expression,
                    "legendFormat": legend,
                }
                for place, (legend, expression) in enumerate(panel.queries.items())
            ],
        }
        x += panel.width


if __name__ == "__main__":
    sys.exit(run({PATH: text()}, COMMAND, sys.argv[1:]))
