"""Regular expressions that cannot take long: a subset matched in time proportional to the text (K.
Thompson 1968).

Python's own `re` follows one way after the other, so that `(a+)+b` takes years on thirty letters.
Here all ways are followed at once. Known are characters, `.`, classes `[...]`, `\\d \\w \\s` and
their opposites, groups, `|`, `? * + {m} {m,n} {m,}`. There are no anchors, no look-around and no
references: the whole text must match.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

MOST_STATES = 1000
MOST_REPEATS = 256
CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
REPEAT = re.compile(r"\{(\d{1,3})(,(\d{0,3}))?\}")


class State(NamedTuple):
    """One step of a match: a character that fits and where to go then; without `fits`, ways that
    cost no character."""

    fits: Callable[[str], bool] | None
    ways: tuple[int, ...]


@lru_cache(maxsize=256)
def compiled(pattern: str) -> tuple[State, ...]:
    """The states of a pattern; the last one is the end. Raises ValueError saying what is wrong."""
    return _Compiler(pattern).states


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches. Raises ValueError if the pattern is none."""
    states = compiled(pattern)
    now = _reached(states, {0})
    for character in text:
        now = _reached(
            states,
            {
                states[n].ways[0]
                for n in now
                if (fits := states[n].fits) is not None and fits(character)
            },
        )
        if not now:
            return False
    return len(states) - 1 in now


def _reached(states: tuple[State, ...], places: set[int]) -> set[int]:
    """The places and all that are reached from them without a character."""
    reached: set[int] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            if states[place].fits is None:
                waiting.extend(states[place].ways)
    return reached


class _Compiler:
    """Recursive descent: alternatives of sequences of repeated items. A piece is a list of states
    with ways relative to it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        piece = self._alternatives(0)
        if self.at < len(pattern):
            raise ValueError(f"{self.pattern[self.at]!r} at {self.at + 1} closes nothing")
        whole = [*piece, State(None, ())]
        self.states = tuple(
            State(s.fits, tuple(n + way for way in s.ways)) for n, s in enumerate(whole)
        )

    def _alternatives(self, depth: int) -> list[State]:
        if depth > 16:
            raise ValueError("groups are nested deeper than 16")
        piece = self._sequence(depth)
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            other = self._sequence(depth)
            leave = State(None, (len(other) + 1,))
            piece = [State(None, (1, len(piece) + 2)), *piece, leave, *other]
        return piece

    def _sequence(self, depth: int) -> list[State]:
        piece: list[State] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            piece += self._repeated(self._item(depth))
            if len(piece) > MOST_STATES:
                raise ValueError(f"it is larger than {MOST_STATES} states")
        return piece

    def _item(self, depth: int) -> list[State]:
        start, first = self.at, self.pattern[self.at]
        self.at += 1
        if first == "(":
            if self.pattern.startswith("?", self.at) and not self.pattern.startswith("?:", self.at):
                raise ValueError("(? ...) is not known, only (?: ...)")
            self.at += 2 if self.pattern.startswith("?:", self.at) else 0
            piece = self._alternatives(depth + 1)
            if self.at >= len(self.pattern):
                raise ValueError("a group is not closed")
            self.at += 1
            return piece
        if first in "*+?{}^$]":
            raise ValueError(
                f"{first!r} at {start + 1} has no meaning here; write \\{first} for the character"
            )
        if first == "[":
            match = CLASS.match(self.pattern, start)
            if match is None:
                raise ValueError("a class [...] is not closed")
            self.at = match.end()
        elif first == "\\":
            self.at += 1
            escaped = self.pattern[start + 1 : self.at]
            if not escaped or (escaped.isalnum() and escaped not in "dDwWsStnr"):
                raise ValueError(f"\\{escaped} is not known")
        return [State(_one(self.pattern[start : self.at]), (1,))]

    def _repeated(self, piece: list[State]) -> list[State]:
        sign = self.pattern[self.at : self.at + 1]
        least, most = 1, 1
        if sign and sign in "?*+":
            self.at += 1
            least, most = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}[sign]
        elif sign == "{":
            match = REPEAT.match(self.pattern, self.at)
            if match is None:
                raise ValueError("{ is not followed by m}, m,} or m,n}")
            self.at = match.end()
            least = int(match[1])
            most = least if match[2] is None else int(match[3]) if match[3] else -1
            if max(least, most) > MOST_REPEATS or (0 <= most < least):
                raise ValueError(f"{match[0]} is not a range up to {MOST_REPEATS}")
        else:
            return piece
        if self.pattern[self.at : self.at + 1] in ("?", "*", "+", "{"):
            raise ValueError("a repeat is repeated; use a group")
        if len(piece) * max(least, most, 1) > MOST_STATES:
            raise ValueError(f"it is larger than {MOST_STATES} states")
        answer = piece * least
        if most < 0:
            return [
                *answer,
                State(None, (1, len(piece) + 2)),
                *piece,
                State(None, (-len(piece) - 1,)),
            ]
        for _ in range(most - least):
            answer = [*answer, State(None, (1, len(piece) + 1)), *piece]
        return answer


def _one(token: str) -> Callable[[str], bool]:
    """Whether one character fits a token: a character, an escape, a class or the dot."""
    try:
        known = re.compile(token, re.DOTALL)
    except (re.error, OverflowError) as error:
        raise ValueError(f"{token}: {error}") from None
    return lambda character: known.fullmatch(character) is not None
