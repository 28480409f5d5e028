"""One table of all tools: error and time next to the plain OpenCV way, with targets: `python -m
tests.bench.vision.table`.

The rows come from the modules beside this one, each of which also prints its own, longer table.
Without data they use the small pictures that ship and drawn scenes; the environment variable DATA
names a folder with all of them.

One file: one table; each of its rows is made by a function.
"""

import os
from collections.abc import Callable, Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.vision import (
    calipers,
    codes,
    difference,
    learned,
    locate,
    plain,
    print_faults,
    simple,
    texts,
)
from tests.bench.vision.row import Row

FAILS = 20.0  # a plain way whose median error is this many times ours does not see the thing at all


def rows(
    data: Path | None,
    progress: Callable[[str], None] = lambda _: None,
    only: Collection[str] | None = None,
) -> Iterator[Row]:
    """All rows, topic by topic; only: of these topics of `TOPICS`."""
    for name, topic in TOPICS.items():
        if only is None or name in only:
            progress(name)
            yield from topic(data)


def _simple(data: Path | None) -> Iterator[Row]:
    yield from simple.measure(data)


def _calipers(data: Path | None) -> Iterator[Row]:
    yield from calipers.measure(data)


def _locate(data: Path | None) -> Iterator[Row]:
    """Rates and errors of `pattern`, next to the best of the plain methods in each."""
    found = locate.measure(data)
    for own in (r for r in found if r["method"] == "pattern"):
        same = [
            r
            for r in found
            if r["method"] != "pattern"
            and r["range"] == own["range"]
            and r["pictures"] == own["pictures"]
        ]
        best = max(same, key=lambda r: r["found"])
        narrow, easy = own["range"] == "+-15", own["pictures"] == "easy"
        what = f"{own['range']} degrees, {own['pictures']}"
        share = 1.0 if narrow else 0.99 if easy else 0.85
        yield _row(
            "pattern (locator)",
            f"{what}: found",
            own["found"],
            best["found"],
            "share",
            f"at least {share:g}",
            own["found"] >= share,
        )
        most = 0.05 if easy else 0.2
        if narrow:
            yield _row(
                "pattern (locator)",
                f"{what}: place",
                own["px"],
                best["px"],
                "px",
                f"at most {most:g}",
                own["px"] <= most,
            )
        if narrow and easy:
            yield _row(
                "pattern (locator)",
                f"{what}: turn",
                own["deg"],
                best["deg"],
                "degree",
                "at most 0.02",
                own["deg"] <= 0.02,
            )
        most_ms = 25 if narrow else 40
        met = own["ms"] <= most_ms
        yield _row(
            "pattern (locator)",
            f"{what}: time",
            own["ms"],
            best["ms"],
            "ms",
            f"at most {most_ms}",
            met,
            own["ms"],
            best["ms"],
        )
    absent = locate.absent(data, full=data is not None)
    share, pictures = absent["share"], absent["pictures"]
    yield _row(
        "pattern (locator)",
        f"{pictures} pictures without the part: found",
        share,
        None,
        "share",
        "under 0.001",
        share < 0.001,
    )
    brute = locate.against_brute(data)
    faster = brute["times faster"]
    yield _row(
        "pattern (locator)", "full circle, 1280 x 960 px, times faster than the brute sweep", faster, 1, "x", "at least 10",  # noqa: E501
        faster >= 10, brute["ms"], brute["brute ms"],
    )  # fmt: skip
    for row in locate.large(data):
        what, ms = f"full circle, 2448 x 2048 px, {row['pattern']}", row["ms"]
        yield _row("pattern (locator)", f"{what}: time", ms, None, "ms", "at most 15", ms <= 15, ms)
        yield _row(
            "pattern (locator)", f"{what}: correlation in all turns, plain: one transform a turn", row["correlation ms"],  # noqa: E501
            row["one by one ms"], "ms", "", None, row["correlation ms"], row["one by one ms"],
        )  # fmt: skip


def _difference(data: Path | None) -> Iterator[Row]:
    found = difference.measure(data)
    for own in (r for r in found if r["method"] == "difference"):
        other = next(r for r in found if r["variant"] == own["variant"] and "ECC" in r["method"])
        what, least = f"{own['pairs']} PCB pairs, {own['variant']}", own["target_f"]
        yield _row(
            "difference",
            f"{what}: F",
            own["f"],
            other["f"],
            "F",
            f"at least {least:g}",
            own["f"] >= least,
            own["ms"],
            other["ms"],
        )
        flagged = own["good_tiles_flagged"]
        yield _row(
            "difference",
            f"{what}: good tiles flagged",
            flagged,
            other["good_tiles_flagged"],
            "share",
            "at most 0.01",
            flagged <= 0.01,
        )
        yield _row(
            "difference",
            f"{what}: time",
            own["ms"],
            other["ms"],
            "ms",
            "at most 20",
            own["ms"] <= 20,
        )


def _print(data: Path | None) -> Iterator[Row]:
    """Faults on print, ten good parts taught."""
    least = {"missing print": 0.95, "moved by 5 px": 0.95, "smeared": 0.6}
    for own in print_faults.measure(data):
        what, flagged = own["photo"], own["good_flagged"] / own["good"]
        yield _row(
            "difference",
            f"{what}: good flagged",
            flagged,
            None,
            "share",
            "at most 0.01",
            flagged <= 0.01,
            own["ms"],
        )
        for kind in print_faults.KINDS:
            target = "" if kind == "moved by 2 px" else f"at least {least.get(kind, 0.9):g}"
            met = None if not target else own[kind] >= least.get(kind, 0.9)
            yield _row(
                "difference", f"{what}, {kind}: found", own[kind], None, "share", target, met
            )


def _texts(_data: Path | None) -> Iterator[Row]:
    """Drawn lines; nothing without the extra `text`."""
    least = {"dots": 0.7, "dots, looked for": 0.7}
    for own in texts.measure() if find_spec("rapidocr_onnxruntime") else []:
        kind, lines = own["kind"], own["lines"]
        right, wrong = own["right"] / lines, own["wrong"] / lines
        if kind.startswith("unreadable"):
            met = wrong <= 0.05
            yield _row(
                "text", f"{kind}: read", wrong, None, "share", "at most 0.05", met, own["ms"]
            )
            continue
        target, met_right = (
            (f"at least {least[kind]:g}", right >= least[kind]) if kind in least else ("", None)
        )
        yield _row("text", f"{kind}: right", right, None, "share", target, met_right, own["ms"])
        share = own["sure_wrong"] / max(own["sure"], 1)
        what = f"{kind}: wrong of those sure to 0.9"
        yield _row("text", what, share, None, "share", "at most 0.05", share <= 0.05)


def _codes(data: Path | None) -> Iterator[Row]:
    """Next to zxing-cpp alone; OpenCV's QRCodeDetector reads far fewer of either."""
    for own in codes.measure(data):
        what, ours, alone = (
            own["change"],
            own["read_tool"] / max(own["pictures"], 1),
            own["read_zxing"] / max(own["pictures"], 1),
        )
        yield _row(
            "code",
            f"{what}: read (plain: zxing-cpp)",
            ours,
            alone,
            "share",
            f"at least {alone:.2f}",
            ours >= alone,
            own["ms_tool"],
            own["ms_zxing"],
        )
        if what not in ("as they are", "all of these"):
            continue
        wrong = own["misread_tool"] + own["false_tool"]
        yield _row(
            "code",
            f"{what}: misread or not there",
            wrong,
            own["misread_zxing"] + own["false_zxing"],
            "count",
            "at most 0",
            wrong == 0,
        )
        ratio = own["ratio_of_sums"]
        yield _row("code", f"{what}: time by zxing-cpp's", ratio, 1, "x", "at most 2", ratio <= 2)


def _learned(data: Path | None) -> Iterator[Row]:
    for own in learned.measure(data):
        if own["set"].startswith("classify"):
            wrong = own["wrong"]
            yield _row(
                "classify",
                f"{own['set']}, {own['taught']} taught, {own['asked']} asked: wrong",
                wrong,
                None,
                "count",
                "at most 0",
                wrong == 0,
                own["ms"],
            )
            yield _row(
                "classify", f"{own['set']}: not decided", own["unsure"], None, "count", "", None
            )
            continue
        what, least = f"{own['set']}, {own['good_taught']} taught", own["auroc_plain"]
        ms = own.get("ms")
        yield _row(
            "learned",
            f"{what}: AUROC",
            own["auroc"],
            least,
            "",
            f"above {least:g}",
            own["auroc"] > least or own["auroc"] == 1,
            ms,
        )
        rejects, caught = own["false_rejects"], 1 - own["escapes"]
        yield _row(
            "learned",
            f"{what}: false rejects",
            rejects,
            None,
            "share",
            "at most 0.02",
            rejects <= 0.02,
        )
        yield _row(
            "learned",
            f"{what}: bad ones caught",
            caught,
            None,
            "share",
            "at least 0.8",
            caught >= 0.8,
        )


def _plain(data: Path | None) -> Iterator[Row]:
    for own in plain.measure(data):
        ms = own["ms_400x300"]
        yield Row(
            own["tool"],
            "time at 400 x 300 px",
            ms,
            own["plain_ms_400x300"],
            "ms",
            ms,
            own["plain_ms_400x300"],
        )


def _row(
    tool: str,
    what: str,
    ours: float,
    plain: float | None,
    unit: str,
    target: str,
    met: bool | None,
    ms: Any = None,
    plain_ms: Any = None,
) -> Row:
    number = float(ours), None if plain is None else float(plain)
    return Row(tool, what, *number, unit, ms, plain_ms, target, None if met is None else bool(met))


TOPICS: dict[str, Callable[[Path | None], Iterator[Row]]] = {
    "simple": _simple,
    "locate": _locate,
    "calipers": _calipers,
    "difference": _difference,
    "print": _print,
    "text": _texts,
    "codes": _codes,
    "learned": _learned,
    "plain": _plain,
}


def table(found: list[Row]) -> Table:
    """The rows for a terminal."""
    made = Table(
        title="Tools",
        caption=(
            "plain: the obvious OpenCV way, in turns with ours; ms of the thread where machines are"
            " shared"
        ),
    )
    for title in (
        "tool",
        "task",
        "ours",
        "plain",
        "",
        "ms",
        "plain ms",
        "ms ratio",
        "target",
        "met",
    ):
        made.add_column(
            title,
            justify="right" if title in ("ours", "plain", "ms", "plain ms", "ms ratio") else "left",
            overflow="fold",
        )
    last = ""
    for row in found:
        met = "" if row.met is None else "[green]met[/]" if row.met else "[red]not met[/]"
        fails = (
            row.plain is not None
            and row.unit in ("px", "degree")
            and row.plain > max(FAILS, FAILS * row.ours)
        )
        plain_said = "" if row.plain is None else "fails" if fails else f"{row.plain:.3g}"
        ratio = f"{row.ms / row.plain_ms:.2f}" if row.ms is not None and row.plain_ms else ""
        times = ("" if v is None else f"{v:.3g}" for v in (row.ms, row.plain_ms))
        made.add_row(
            row.tool if row.tool != last else "",
            row.what,
            f"{row.ours:.3g}",
            plain_said,
            row.unit,
            *times,
            ratio,
            row.target,
            met,
        )
        last = row.tool
    return made


def main() -> None:
    """Measure and print."""
    data = os.environ.get("DATA")
    console = Console(width=None if Console().is_terminal else 180)
    with console.status("tools") as status:
        found = list(
            rows(Path(data) if data else None, lambda topic: status.update(f"tools: {topic}"))
        )
    console.print(table(found))


if __name__ == "__main__":
    main()
