"""Whether the node's memory stays flat."""

from tests.bench.figures import Figure
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site

EARLY = 2000
GROWTH_MB = 5.0


def measure(site: Site, inspections: int) -> list[Figure]:
    """Resident memory after all inspections, minus that after the first 2,000."""
    with site.node("node-memory", SMALL) as node, Plc(site.broker.port) as plc:
        plc.window(node.name, site.truth, EARLY)
        early = node.process.memory_info().rss / 1e6
        left = inspections - EARLY
        while left > 0:
            plc.window(node.name, site.truth, min(left, EARLY))
            left -= EARLY
        late = node.process.memory_info().rss / 1e6
    detail: dict[str, float | str] = {
        f"after {EARLY:,} MB": round(early, 1),
        f"after {inspections:,} MB": round(late, 1),
    }
    growth = late - early
    name = f"resident memory, growth from {EARLY:,} to {inspections:,} inspections"
    return [Figure(name, round(growth, 2), "MB", f"<= {GROWTH_MB:g}", growth <= GROWTH_MB, detail)]
