"""What a text counts for: two looks must agree on it, and its least sure character says how sure it
is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from node.vision.reading.recognise import ALONE, LEAST_SHARE, recognise

NAMES = ["blank", "0", "8", "O", "B", "X", " "]
LINE = np.full((40, 200, 3), 200, np.uint8)


def seen(*steps: dict[str, float]) -> NDArray[np.float32]:
    """What a network sees: each step's characters; the rest up to 1 is for none."""
    found = np.zeros((len(steps), len(NAMES)), np.float32)
    for row, step in zip(found, steps, strict=True):
        for name, share in step.items():
            row[NAMES.index(name)] = share
        row[0] += max(0.0, 1 - row.sum())
    return found


class Network:
    """Gives one answer per look; the last answer stays."""

    def __init__(self, *answers: NDArray[np.float32]) -> None:
        self.asked = 0
        self._answers = answers

    def __call__(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        assert line.shape[:3] == (1, 3, 48)
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


CLEAR = seen({"8": 0.99}, {"8": 0.6}, {}, {"8": 0.97}, {"X": 0.98})
DOUBTFUL = seen({"8": 0.99}, {}, {"8": 0.99}, {"X": 0.55})
OTHER = seen({"B": 0.98}, {}, {"8": 0.98}, {"X": 0.98})


def test_runs_are_one_character_and_two_looks_that_agree_are_enough() -> None:
    network = Network(CLEAR)
    assert recognise(LINE, network, NAMES) == ("88X", pytest.approx(0.97))
    assert network.asked == 2


def test_the_least_sure_character_says_how_sure_the_text_is() -> None:
    assert recognise(LINE, Network(DOUBTFUL), NAMES) == ("88X", pytest.approx(0.55))


def test_one_look_that_is_beyond_doubt_is_enough() -> None:
    network = Network(seen({"8": 0.995}, {}, {"X": 0.999}), OTHER)
    assert recognise(LINE, network, NAMES) == ("8X", pytest.approx(0.995))
    assert network.asked == 1


def test_what_one_look_alone_says_is_hardly_sure() -> None:
    nothing = seen({}, {})
    assert recognise(LINE, Network(OTHER, nothing), NAMES) == ("B8X", pytest.approx(0.98 * ALONE))
    assert recognise(LINE, Network(OTHER, DOUBTFUL), NAMES).text == "B8X"
    assert recognise(LINE, Network(OTHER, DOUBTFUL), NAMES).confidence < 0.5
    assert recognise(LINE, Network(nothing), NAMES) == ("", 0.0)


def test_spaces_and_how_sure_they_are_do_not_count() -> None:
    spaced = seen({"8": 0.99}, {" ": 0.7}, {"X": 0.98}, {" ": 0.6})
    assert recognise(LINE, Network(spaced, CLEAR, spaced), NAMES) == ("8 X", pytest.approx(0.98))


def test_the_likeliest_allowed_character_is_taken_and_what_looks_like_none_is_not_sure() -> None:
    zero_or_o = seen({"O": 0.9, "0": 0.08, "8": 0.01}, {}, {"8": 0.99})
    assert recognise(LINE, Network(zero_or_o), NAMES).text == "O8"
    found = recognise(LINE, Network(zero_or_o), NAMES, "08")
    assert (found.text, found.confidence > 0.7) == ("08", True)
    letter = seen({"8": 0.99}, {}, {"X": 1 - LEAST_SHARE / 2, "8": LEAST_SHARE / 4, "blank": 0.0})
    assert recognise(LINE, Network(letter), NAMES, "08").confidence == 0


@pytest.mark.parametrize("shape", [(2, 3), (3, 900), (300, 20), (48, 48)])
def test_lines_of_any_size_are_looked_at(shape: tuple[int, int]) -> None:
    assert recognise(np.zeros((*shape, 3), np.uint8), Network(CLEAR), NAMES).text == "88X"
