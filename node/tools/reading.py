"""Which of the texts that were read are right: what was expected, what matches a pattern, or what the trigger says."""

from collections.abc import Callable

from schemas import Problem, Trigger
from schemas.base import plain
from schemas.tools.reading import ReadingTool
from schemas.tools.regular import compiled, matches

MOST_SHOWN = 1000  # characters of a text in a result
MOST_STEPS = 2_000_000  # of a match: characters times states of the pattern; some 0.5 s at worst


def judge(settings: ReadingTool, trigger: Trigger, without_spaces: bool = False) -> Callable[[str], bool]:
    """Whether a text is right, as a function of it; any text is if nothing says which.

    Raises Problem NO_VALUE if the trigger does not say what to compare with.
    """
    fold = _without_spaces if without_spaces else str
    pattern = settings.pattern
    if pattern is not None:
        return lambda text: _matches(pattern, fold(text))
    wanted = settings.expected if settings.match is None else _said(settings.match, trigger)
    if wanted is None:
        return lambda _: True
    wanted = fold(wanted)
    return lambda text: wanted in (fold(text), fold(plain(text, len(text))))


def shown(texts: list[str]) -> str | None:
    """Texts for a result: what cannot be printed (NUL, group separators) is escaped; None if there is none."""
    return plain(", ".join(plain(text, MOST_SHOWN) for text in texts), MOST_SHOWN) if texts else None


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _matches(pattern: str, text: str) -> bool:
    if len(text) * len(compiled(pattern)) > MOST_STEPS:
        raise Problem("NO_VALUE", f"a text of {len(text)} characters is too long for this pattern")
    return matches(pattern, text)


def _said(source: str, trigger: Trigger) -> str:
    """The trigger's part_id, or a text or whole number of its meta."""
    found = trigger.part_id if source == "part_id" else (trigger.meta or {}).get(source.removeprefix("meta."))
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise Problem("NO_VALUE", f"the trigger has no {source} to compare with")
    return str(found)
