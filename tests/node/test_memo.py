"""The memo: what was made before is not made again, and what nobody asks for any more is
dropped."""

import pytest

from node.memo import Memo, anew
from schemas import Problem


def test_what_was_made_of_the_same_things_is_found_and_its_time_is_known() -> None:
    memo, made = Memo(), []
    memo.begin()
    assert memo.of("picture", 1)("tool", lambda: made.append(1) or "found") == "found"
    assert memo.saved_ns == 0
    memo.begin()
    assert memo.of("picture", 1)("tool", lambda: made.append(2) or "else") == "found"
    assert memo.of("picture", 2)("tool", lambda: made.append(3) or "another") == "another"
    assert made == [1, 3]
    assert memo.saved_ns > 0


def test_nothing_is_something_that_can_be_kept() -> None:
    memo, made = Memo(), []
    for _ in range(2):
        memo.begin()
        assert memo.of()("key", lambda: made.append(1)) is None
    assert made == [1]


def test_what_cannot_be_made_is_tried_again() -> None:
    memo = Memo()

    def fails() -> None:
        raise Problem("NO_CONTRAST")

    for _ in range(2):
        memo.begin()
        with pytest.raises(Problem, match="NO_CONTRAST"):
            memo.of()("key", fails)
    assert memo.of()("key", lambda: 1) == 1


def test_what_the_last_runs_did_not_ask_for_is_let_go() -> None:
    memo = Memo(runs=2)
    memo.begin()
    memo.of()("old", lambda: 1)
    for _ in range(3):
        memo.begin()
        memo.of()("new", lambda: 1)
    assert memo.of()("old", lambda: 2) == 2
    assert memo.of()("new", lambda: 2) == 1
    memo.forget()
    assert memo.of()("new", lambda: 2) == 2


def test_without_a_memory_all_is_made_anew() -> None:
    assert [anew("key", lambda number=number: number) for number in (1, 2)] == [1, 2]
