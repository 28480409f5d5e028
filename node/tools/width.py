"""Distance between two edges, outside or inside of something."""

from node.calibration import flat
from node.frame import View
from node.measurement import Feature, Given, Measurement
from node.vision.edges.agree import MasterShown, StripEdges, settled, shown
from node.vision.edges.caliper import (
    Strip,
    across,
    bars,
    check_lit,
    check_sure,
    choose,
    clipped,
    every,
    nothing,
    profile,
    strip,
)
from node.vision.edges.scatter import scatter
from schemas import Problem, Width
from schemas.tools.caliper import Polarity

SURE_SHARE = 0.001  # of the width
THIN_PX = 12.0  # in anything narrower the rows must agree; the sides of what is wide may be rough
MOST_NOISE_PX = 0.03  # sigma that noise may leave of it
ENTRY: dict[str, tuple[Polarity, Polarity]] = {
    "light": ("dark_to_light", "light_to_dark"),
    "dark": ("light_to_dark", "dark_to_light"),
    "any": ("any", "any"),
}


def learn(view: View, settings: Width) -> MasterShown:
    """The edges that the master shows; Problem NO_CONTRAST without such a pair."""
    where = strip(view, settings)
    return shown(view, settings, where, lambda one: _pair(view, settings, one))[1]


def measure(
    view: View, settings: Width, learned: MasterShown | None = None, given: Given | None = None
) -> Measurement:
    """Distance of the two edges, square to them, at the middle of the region.

    Raises Problem NO_CONTRAST if one of them is missing, NO_VALUE if they are too near to each
    other for the blur and noise or lie beside something burnt out, the noise is too much for so
    many rows, they are seen in too few of them, these do not agree on them, or they are others than
    the master's, and for mm without a calibration.
    """
    where, edges = settled(
        view, settings, strip(view, settings), lambda one: _pair(view, settings, one), learned
    )
    pair = edges.at
    points = where.to_frame(pair, where.middle)
    to_plane = flat(given.calibration if given else None, settings.unit)
    first, second = to_plane(points), to_plane(points + where.along)
    value = abs(float(across(first, (second - first).mean(axis=0))[1]))
    middle = points.mean(axis=0)
    return Measurement(value, bars(where, pair), feature=Feature(*middle.tolist()))


def _pair(view: View, settings: Width, where: Strip) -> StripEdges:
    """The two edges in a strip."""
    edges = every(*profile(where), settings)
    polarities = ENTRY[settings.between]
    opens, closes = (choose(edges, polarity) for polarity in polarities)
    middle = (where.gray.shape[1] - 1) / 2
    if settings.measure == "inside":
        opens, closes = opens.only(opens.at < middle), closes.only(closes.at >= middle)
    for crossings, polarity, side in (
        (opens, polarities[0], "before"),
        (closes, polarities[1], "after"),
    ):
        if len(crossings) == 0:
            place = f" {side} the middle" if settings.measure == "inside" else ""
            raise nothing(settings, polarity, len(edges), f"no edge{place}")
    first, last = (
        (opens.at[0], closes.at[-1])
        if settings.measure == "outside"
        else (opens.at[-1], closes.at[0])
    )
    if not last > first:
        raise Problem("NO_CONTRAST", f"nothing {settings.between} lies between two edges")
    both = (edges.at == last).astype(float) - (edges.at == first)
    unsure = edges.unsure(both)
    enough = SURE_SHARE * (last - first)  # of something wide, a lesser share is known well enough
    if unsure > enough:
        check_sure(unsure, "the width")
    pair = edges.only(both != 0)
    check_lit(clipped(view, pair), "the width")
    if last - first < THIN_PX and len(pair) == 2:
        blur = float(pair.blur.mean())
        noise = scatter(where.gray, where.counts, pair.at, pair.step, blur)
        if noise > MOST_NOISE_PX:
            raise Problem(
                "NO_VALUE",
                f"the noise leaves the width known to {noise:.2g} px, {MOST_NOISE_PX:g} px (sigma)"
                " are needed: let the region take in more of the edges, or use more light",
            )
    return StripEdges(where, pair)
