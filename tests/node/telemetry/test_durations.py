"""Durations are reported as Prometheus' own Histogram reports them."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from node.telemetry.durations import SECONDS, Durations

SEEN = (0.0, 0.0004, 0.0005, 0.00051, 0.003, 0.1, 0.1000001, 4.9, 5.0, 5.1, 900.0)


def test_the_page_says_the_same_as_one_of_the_library() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    labels = ["station", "stage"]
    quick = Durations("stage_seconds", "Time of each step", labels, ours, "inspection")
    slow = Histogram(
        "stage_seconds",
        "Time of each step",
        labels,
        buckets=SECONDS,
        registry=theirs,
        namespace="inspection",
    )
    for number, seconds in enumerate(SEEN):
        for family in (quick, slow):
            family.labels("cam1", "locate").observe(seconds)
            family.labels(f"cam{number % 3}", 'a "quoted" one').observe(seconds)
    pages = [
        [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
        for registry in (ours, theirs)
    ]
    assert pages[0] == pages[1]
    assert set(ours._collector_to_names[quick]) >= {
        f"inspection_stage_seconds_{part}" for part in ("bucket", "count", "sum")
    }
