"""The node against the bare loop with the libraries as they come: without TCP_NODELAY, both in paho
and in mosquitto."""

from tests.bench.broker import library_defaults
from tests.bench.figures import Figure, ratio, share
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site


def measure(site: Site, rounds: int) -> list[Figure]:
    """p50 of the loop over p50 of the node."""
    pairs = []
    with library_defaults(site.folder / "broker-defaults") as broker:
        slow = Site(site.folder / "defaults", broker)
        with (
            site.node("node-tuned", SMALL) as node,
            slow.bare("bare-default", SMALL, no_delay=False) as bare,
            Plc(site.broker.port) as plc,
            Plc(broker.port) as slow_plc,
        ):
            plc.one_by_one(node.name, site.truth, 100)
            slow_plc.one_by_one(bare.name, slow.truth, 5)
            for _ in range(rounds):
                ours = plc.one_by_one(node.name, site.truth, 50).times_ms
                theirs = slow_plc.one_by_one(bare.name, slow.truth, 20).times_ms
                pairs.append((share(theirs, 0.5), share(ours, 0.5)))
    figure = ratio(
        "latency 640x480 p50, bare loop with library defaults / node",
        pairs,
        "ms",
        ">= 10",
        lambda v: v >= 10,
    )
    detail = {
        {"node ms": "bare ms", "other ms": "node ms"}.get(key, key): value
        for key, value in figure.detail.items()
    }
    return [figure._replace(detail=detail)]
