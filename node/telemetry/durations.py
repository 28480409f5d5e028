"""Histograms of durations that are counted in less than a microsecond: each part counts a dozen of
them, in the process that is already inspecting the next one.

Counted by one thread, read by any: a page may lack what is just being counted, no more.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BOUNDS = (*(floatToGoString(bound) for bound in SECONDS), "+Inf")  # type: ignore[no-untyped-call]


class Duration:
    """One series: how many fell into each bucket, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(BOUNDS)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds


class Durations(Collector):
    """A family of them, in the form of Prometheus' own Histogram."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: list[str],
        registry: CollectorRegistry,
        namespace: str,
    ) -> None:
        self._name = f"{namespace}_{name}"
        self._documentation = documentation
        self._labelnames = tuple(labels)
        self._children: dict[tuple[str, ...], Duration] = {}
        registry.register(self)

    def labels(self, *values: str) -> Duration:
        """The series with these labels; it begins when it is asked for first."""
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = Duration()
        return child

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """The family without its series."""
        yield HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The family as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values, child in list(self._children.items()):
            so_far = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip(BOUNDS, child.counts, strict=True):
                so_far += count
                buckets.append((bound, so_far))
            family.add_metric(values, buckets, child.seconds)
        yield family
