"""Teaching a tool: its view of each picture, located as in an inspection, and its model file made
from those views.

One file: what the kinds of tools are taught differs in a few lines each, around one way.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from node.faults import stains as faults
from node.frame import Frame, View
from node.locate import locate
from node.model_file import pack, unpack
from node.networks import likeness, logistic, promise
from node.networks import memory_bank as bank
from node.networks.features import Maps, backbone, maps, vector
from node.pictures.decode import decode
from node.program import LoadedProgram, LoadedTool
from node.teach import outline
from node.tools import difference
from schemas import Problem
from schemas.store.programs import MAX_MODEL_BYTES
from schemas.tools.classify import Classify
from schemas.tools.difference import Difference
from schemas.tools.learned import Learned

TAUGHT = ("learned", "classify", "difference")
LEAST_PER_CLASS = 2
ASIDE = 40  # how often at most a model of the others is made for those that are left out
ASKED_PICTURES = 3  # on which faults are drawn
LEAST_CAUGHT, NOTHING_CAUGHT = 0.5, 0.1  # of them: fewer are reported
ENOUGH = 10  # good pictures: from here on a limit is more than a guess
MOST_PICTURES = 10_000
ANEW = "teach it without --add"
CLASS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class Picture(NamedTuple):
    """A picture's name for people, and its file's content when it is asked for."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Lesson:
    """What to teach from: good pictures, labelled bad ones, or pictures by class."""

    good: Sequence[Picture] = ()
    bad: Sequence[Picture] = ()
    classes: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    # names of good ones that count as good, however unlike the others they are
    confirmed: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """Number of pictures."""
        return (
            len(self.good)
            + len(self.bad)
            + sum(len(pictures) for pictures in self.classes.values())
        )


@dataclass(frozen=True)
class LessonOutcome:
    """A model file, what to say about it, and the names of pictures to look at again."""

    model: bytes
    facts: dict[str, Any]
    check: tuple[str, ...] = ()


Progress = Callable[[int, int], None]  # done, in all


def teach(
    program: LoadedProgram,
    name: str,
    lesson: Lesson,
    model: bytes | None,
    progress: Progress,
    master: bytes | None = None,
) -> LessonOutcome:
    """The model of one tool, or of the locator (`locator`, unless a tool has that name), which
    needs the master's file.

    model: to add to, None to begin anew.

    Raises Problem PICTURES_UNFIT for too few, too many or the wrong ones; and what an inspection
    would raise, with the picture's name.
    """
    began = time.monotonic()
    tool = next((tool for tool in program.tools if tool.settings.name == name), None)
    if tool is None and name != outline.NAME:
        raise Problem(
            "PROGRAM_INVALID",
            f"there is no tool {name:.40}; there are {', '.join(_names(program))}",
        )
    if lesson.count > MOST_PICTURES:
        raise Problem("PICTURES_UNFIT", f"{lesson.count} pictures; {MOST_PICTURES} at most")
    settings = tool.settings if tool is not None else None
    unknown = lesson.confirmed - {picture.name for picture in lesson.good}
    if unknown:
        raise Problem(
            "PICTURES_UNFIT",
            f"confirmed is {', '.join(sorted(unknown))[:200]}, which is not among the good"
            " pictures",
        )
    if tool is None:
        outcome = _outline(program, lesson, model, progress, master)
    elif isinstance(settings, Learned):
        outcome = _learned(program, tool, settings, lesson, model, progress)
    elif isinstance(settings, Classify):
        outcome = _classify(program, tool, settings, lesson, model, progress)
    elif isinstance(settings, Difference):
        outcome = _difference(program, tool, settings, lesson, model, progress)
    else:
        raise Problem(
            "PROGRAM_INVALID",
            f"tool {name} is of kind {tool.settings.kind}; taught are {', '.join(TAUGHT)}",
        )
    if len(outcome.model) > MAX_MODEL_BYTES:
        raise Problem(
            "MODEL_INVALID",
            f"it would have {len(outcome.model) >> 20} MiB, {MAX_MODEL_BYTES >> 20} at most",
        )
    return replace(outcome, facts={**outcome.facts, "seconds": round(time.monotonic() - began, 2)})


def _learned(
    program: LoadedProgram,
    tool: LoadedTool,
    settings: Learned,
    lesson: Lesson,
    model: bytes | None,
    progress: Progress,
) -> LessonOutcome:
    _only(lesson, "good")
    steps = lesson.count + (0 if model else bank.FOLDS + 1)
    count = partial(_count, progress, 0, steps)
    good = _maps(program, tool, settings.size_px, lesson.good, count)
    bad = _maps(
        program,
        tool,
        settings.size_px,
        lesson.bad,
        partial(_count, progress, len(lesson.good), steps),
    )
    if model is None:
        first = next(good, None)
        if first is None:
            raise Problem("PICTURES_UNFIT", f"0 good pictures; {bank.LEAST} are needed")
        begun = lesson.count if lesson.count <= bank.HELD else bank.HELD
        named = ((name, seen) for name, seen, _ in chain([first], good))
        taught = bank.teach(
            named, first[2], lesson.confirmed, lambda done, _: progress(begun + done, steps)
        )
    else:
        old = bank.PatchBank.of(unpack(model, "learned", bank.SHAPES))
        if old.backbone != backbone().digest:
            raise Problem("MODEL_INVALID", f"it was taught with another backbone: {ANEW}")
        taught = bank.add(old, _of_site(good, old.site), lesson.confirmed)
    made = bank.with_bad(taught.bank, _of_site(bad, taught.bank.site))
    limit = promise.threshold(made.scores, made.bad_scores, settings.false_reject_rate)
    facts: dict[str, Any] = {
        "good": len(made.scores),
        "bad": len(made.bad_scores),
        "threshold": round(limit, 4),
        **_promised(made, limit, len(taught.odd), settings.false_reject_rate),
        "expected_false_rejects": round(promise.expected_rejects(made.scores, limit), 4),
        "good_values": [
            round(float(value), 3)
            for value in (made.scores.min() / limit, made.scores.max() / limit)
        ],
    }
    if len(made.bad_scores):
        values = made.bad_scores / limit
        facts["bad_values"] = [round(float(values.min()), 3), round(float(values.max()), 3)]
        facts["bad_found"] = int((made.bad_scores > limit).sum())
    if taught.alike:
        facts["alike"] = taught.alike
    asked = [picture for picture in lesson.good if picture.name not in taught.odd][:ASKED_PICTURES]
    facts |= _caught(program, tool, settings, made, limit, asked)
    made = replace(made, told=(facts["one_in"], facts["drawn_found"], facts["drawn"]))
    return LessonOutcome(made.packed(), facts, tuple(taught.odd))


def _promised(made: bank.PatchBank, limit: float, odd: int, wanted: float) -> dict[str, Any]:
    """What the pictures allow one to promise about a limit, and what they do not; odd ones may be
    good, and would be rejected."""
    least = promise.one_in(made.different + odd, made.beyond(limit) + odd + 1)
    sure = f"in {promise.SURE:.0%} of draws of such pictures"
    said = (
        f"at most 1 good part in {least} is rejected, {sure}"
        if least > 1
        else "nothing: so few pictures do not tell"
    )
    facts: dict[str, Any] = {"one_in": least, "promise": said}
    if least * wanted < 1 - 1e-9:
        facts["not_promised"] = (
            f"{wanted:.2%} (false_reject_rate): {made.different} different pictures do not tell,"
            f" {promise.needed(wanted)} would"
        )
    return facts


def _caught(
    program: LoadedProgram,
    tool: LoadedTool,
    settings: Learned,
    made: bank.PatchBank,
    limit: float,
    good: Sequence[Picture],
) -> dict[str, Any]:
    """How many of the faults drawn on some of its pictures it would catch, and how many were
    drawn."""
    hits = asked = 0
    for number, (_, view) in enumerate(_views(program, tool, good)):
        for spoilt in faults.drawn(view, number):
            seen = maps(spoilt, settings.size_px)
            hits += bank.top(made.distances(seen), seen.counts) > limit
            asked += 1
    facts: dict[str, Any] = {"drawn_found": hits, "drawn": asked}
    if asked and hits < NOTHING_CAUGHT * asked:
        facts["warning"] = (
            f"this catches nothing: {hits} of {asked} faults drawn on its own pictures; teach more"
            " good pictures"
        )
    elif hits < LEAST_CAUGHT * asked:
        facts["warning"] = (
            f"it catches only {hits} of {asked} faults drawn on its own pictures: teach more good"
            " pictures"
        )
    elif made.different < bank.TELLING:
        facts["warning"] = (
            f"it may catch little: {made.different} different pictures do not tell how unlike a"
            f" good part may be, so the limit is far out ({hits} of {asked} faults drawn on its"
            f" own pictures are caught, finer ones may pass); teach {ENOUGH} or more good pictures"
        )
    return facts


def _of_site(seen: Iterator[tuple[str, Maps, Any]], site: Any) -> Iterator[tuple[str, Maps]]:
    """Names and maps. Raises Problem MODEL_INVALID if the region or size_px is another than that of
    the model."""
    for name, picture_maps, own in seen:
        if own != site:
            raise Problem("MODEL_INVALID", f"it was taught with another region or size: {ANEW}")
        yield name, picture_maps


def _classify(
    program: LoadedProgram,
    tool: LoadedTool,
    settings: Classify,
    lesson: Lesson,
    model: bytes | None,
    progress: Progress,
) -> LessonOutcome:
    _only(lesson, "classes")
    vectors: list[Any] = []
    labelled: list[str] = []
    for label, pictures in sorted(lesson.classes.items()):
        if not CLASS_NAME.fullmatch(label):
            raise Problem(
                "PICTURES_UNFIT", f"class {label!a:.60}: letters, digits, _ . - only, 32 at most"
            )
        count = partial(_count, progress, len(labelled), lesson.count + 1)
        vectors += [
            vector(each) for _, each, _ in _maps(program, tool, settings.size_px, pictures, count)
        ]
        labelled += [label] * len(pictures)
    if model is not None:
        old = unpack(model, "classify", logistic.SHAPES)
        if str(old["backbone"]) != backbone().digest or int(old["size"]) != settings.size_px:
            raise Problem(
                "MODEL_INVALID", f"it was taught with another size_px or backbone: {ANEW}"
            )
        vectors = [*old["vectors"].astype(np.float32), *vectors]
        labelled = [*(str(old["classes"][label]) for label in old["labels"]), *labelled]
    names = sorted(set(labelled))
    counts = {name: labelled.count(name) for name in names}
    if len(names) < 2 or min(counts.values()) < LEAST_PER_CLASS:
        raise Problem(
            "PICTURES_UNFIT",
            f"two classes of {LEAST_PER_CLASS} pictures at least are needed; there are {counts}",
        )
    if settings.expected not in names:
        raise Problem(
            "PICTURES_UNFIT", f"expected is {settings.expected}, the classes are {', '.join(names)}"
        )
    stack = np.stack(vectors)
    labels = np.array([names.index(label) for label in labelled])
    weights = logistic.fit(stack, labels, len(names))
    wrong, unsure = _left_out(stack, labels, len(names), settings.margin)
    progress(lesson.count + 1, lesson.count + 1)
    arrays = {
        "classes": np.array(names),
        "mean": weights.mean,
        "scale": weights.scale,
        "weights": weights.weights,
        "bias": weights.bias,
        "vectors": stack.astype(np.float32),
        "labels": labels.astype(np.int64),
        "size": np.array(settings.size_px, np.int64),
        "backbone": np.array(backbone().digest),
    }
    facts: dict[str, Any] = {"classes": counts, "left_out_wrong": wrong, "left_out_unsure": unsure}
    limits = likeness.limits(stack, labels, len(names))
    facts["unlike"] = {name: round(limit, 3) for name, limit in zip(names, limits, strict=True)}
    few = {name: count for name, count in counts.items() if count < likeness.FEW}
    if few:
        facts["too_few"] = (
            f"{few}: with fewer than {likeness.FEW} pictures nobody knows how unlike a good one may"
            " be; add more"
        )
    return LessonOutcome(pack("classify", arrays), facts)


def _left_out(vectors: Any, labels: Any, classes: int, margin: float) -> tuple[int, int]:
    """How many pictures a model of the others gets wrong, and how many it would not decide. Of more
    than ASIDE pictures, several are left out at a time, as far apart in their class as can be."""
    wrong = unsure = 0
    aside = np.arange(len(labels)) % ASIDE
    for number in range(min(ASIDE, len(labels))):
        out = aside == number
        chances = logistic.fit(vectors[~out], labels[~out], classes).probabilities(vectors[out])
        second, first = np.sort(chances, axis=1)[:, -2:].T
        decided = first - second >= margin
        unsure += int((~decided).sum())
        wrong += int((decided & (chances.argmax(axis=1) != labels[out])).sum())
    return wrong, unsure


def _difference(
    program: LoadedProgram,
    tool: LoadedTool,
    settings: Difference,
    lesson: Lesson,
    model: bytes | None,
    progress: Progress,
) -> LessonOutcome:
    _only(lesson, "good")
    if lesson.bad or model is not None:
        raise Problem(
            "PICTURES_UNFIT",
            "difference is taught from all of its good pictures at once, without bad ones",
        )
    views = (view for _, view in _views(program, tool, lesson.good))
    made = difference.teach(views, settings, lambda done: progress(done, lesson.count))
    return LessonOutcome(made, {"good": len(lesson.good)})


def _outline(
    program: LoadedProgram,
    lesson: Lesson,
    model: bytes | None,
    progress: Progress,
    master: bytes | None,
) -> LessonOutcome:
    _only(lesson, "good")
    if lesson.bad or model is not None:
        raise Problem(
            "PICTURES_UNFIT",
            "the locator is taught from all of its good pictures at once, without bad ones",
        )

    def frames(before: int) -> Iterator[tuple[str, Frame]]:
        for number, picture in enumerate(lesson.good, before + 1):
            yield picture.name, _frame(program, picture)
            progress(number, 2 * lesson.count)

    steps = iter((0, lesson.count))
    return LessonOutcome(*outline.teach(program, master, lambda: frames(next(steps))))


def _count(progress: Progress, before: int, steps: int, done: int) -> None:
    progress(before + done, steps)


def _only(lesson: Lesson, what: str) -> None:
    if what == "classes" and (lesson.good or lesson.bad or not lesson.classes):
        raise Problem(
            "PICTURES_UNFIT",
            "this tool is taught from a folder with a folder for each class: --classes FOLDER",
        )
    if what == "good" and (lesson.classes or not (lesson.good or lesson.bad)):
        raise Problem("PICTURES_UNFIT", "this tool is taught from a folder of good pictures")


def _maps(
    program: LoadedProgram,
    tool: LoadedTool,
    size_px: int,
    pictures: Sequence[Picture],
    progress: Callable[[int], None],
) -> Iterator[tuple[str, Maps, tuple[int, int, int]]]:
    """What the network sees in each picture, and (width, height, size_px) of the view; one after
    the other, none is kept."""
    for number, (name, view) in enumerate(_views(program, tool, pictures), 1):
        if view.uniform:
            raise Problem("NO_CONTRAST", f"{name}: all pixels of the region have one value")
        yield name, maps(view, size_px), (view.width, view.height, size_px)
        progress(number)


def _views(
    program: LoadedProgram, tool: LoadedTool, pictures: Sequence[Picture]
) -> Iterator[tuple[str, View]]:
    """The tool's view of each picture, where the part lies in it. Raises Problem with the picture's
    name."""
    for picture in pictures:
        try:
            frame = _decoded(program, picture)
            _, placement = locate(frame, program.program.locator, program.locator)
            yield picture.name, frame.view(tool.settings.region, placement, tool.settings.ignore)  # type: ignore[union-attr]
        except Problem as problem:
            raise _named(picture, problem) from problem


def _frame(program: LoadedProgram, picture: Picture) -> Frame:
    """A picture of the master's size. Raises Problem with its name."""
    try:
        return _decoded(program, picture)
    except Problem as problem:
        raise _named(picture, problem) from problem


def _decoded(program: LoadedProgram, picture: Picture) -> Frame:
    frame = Frame(decode(picture.read()), 0, 0.0, picture.name, simulated=False)
    if program.size is not None and program.size != (frame.width, frame.height):
        width, height = program.size
        raise Problem(
            "IMAGE_SIZE", f"{frame.width} x {frame.height} px, the master has {width} x {height} px"
        )
    return frame


def _named(picture: Picture, problem: Problem) -> Problem:
    rest = problem.message.partition(": ")[2]
    return Problem(problem.code, f"{picture.name}: {rest}" if rest else picture.name)


def _names(program: LoadedProgram) -> list[str]:
    return [tool.settings.name for tool in program.tools if tool.settings.kind in TAUGHT] or [
        "none that can be taught"
    ]
