"""What `typings/cv2` says about OpenCV is true: names, arguments, and the types it keeps or
makes."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

FACE = Path(__file__).parents[1] / "typings" / "cv2" / "__init__.pyi"
BODY = ast.parse(FACE.read_text(encoding="utf-8")).body
FUNCTIONS = [each for each in BODY if isinstance(each, ast.FunctionDef)]
CLASSES = [each for each in BODY if isinstance(each, ast.ClassDef)]
SIDE = 24
SQUARE = np.ones((3, 3), np.uint8)
MATRIX = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
CORNERS = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float32)
WHERE = np.mgrid[0:SIDE, 0:SIDE][::-1].astype(np.float32)


def arguments(function: ast.FunctionDef) -> list[str]:
    return [each.arg for each in (*function.args.args, *function.args.kwonlyargs)]


def signatures(name: str) -> list[list[str]]:
    """The arguments of each way to call it, in OpenCV's own words: `name(a, b[, c[, d]]) -> e`."""
    said = getattr(cv2, name).__doc__
    return [
        [word.strip(" \n[]") for word in found[1].split(",")]
        for found in re.finditer(rf"^{name}\((.*?)\) -> ", said, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: f"{each.name}-{each.lineno}")
def test_a_function_takes_what_the_face_says_in_that_order(function: ast.FunctionDef) -> None:
    named = arguments(function)
    ways = signatures(function.name)
    assert ways, f"OpenCV does not say what {function.name} takes"
    keyed = len(function.args.kwonlyargs)
    placed = named[: len(named) - keyed]
    fitting = [way for way in ways if way[: len(placed)] == placed and set(named) <= set(way)]
    assert fitting, f"{function.name} takes {ways}, not {named}"


def test_every_constant_and_class_is_there() -> None:
    constants = [each.target.id for each in BODY if isinstance(each, ast.AnnAssign)]
    missing = [
        name for name in (*constants, *(each.name for each in CLASSES)) if not hasattr(cv2, name)
    ]
    assert len(constants) > 50
    assert missing == []


@pytest.mark.parametrize("each", CLASSES, ids=lambda each: each.name)
def test_every_member_of_a_class_is_there(each: ast.ClassDef) -> None:
    members = [one.name for one in each.body if isinstance(one, ast.FunctionDef)]
    assert [name for name in members if not hasattr(getattr(cv2, each.name), name)] == []


KEEP: dict[str, Callable[[Any], Any]] = {
    "GaussianBlur": lambda a: cv2.GaussianBlur(a, (3, 3), 0),
    "absdiff": lambda a: cv2.absdiff(a, a),
    "add": lambda a: cv2.add(a, a),
    "addWeighted": lambda a: cv2.addWeighted(a, 0.5, a, 0.5, 0),
    "bitwise_not": lambda a: cv2.bitwise_not(a),
    "blur": lambda a: cv2.blur(a, (3, 3)),
    "copyMakeBorder": lambda a: cv2.copyMakeBorder(a, 1, 1, 1, 1, cv2.BORDER_REPLICATE),
    "cvtColor": lambda a: cv2.cvtColor(a, cv2.COLOR_GRAY2BGR),
    "dilate": lambda a: cv2.dilate(a, SQUARE),
    "divide": lambda a: cv2.divide(a, a),
    "erode": lambda a: cv2.erode(a, SQUARE),
    "line": lambda a: cv2.line(a.copy(), (1, 1), (9, 9), 255),
    "max": lambda a: cv2.max(a, a),
    "medianBlur": lambda a: cv2.medianBlur(a, 3),
    "merge": lambda a: cv2.merge([a, a]),
    "morphologyEx": lambda a: cv2.morphologyEx(a, cv2.MORPH_OPEN, SQUARE),
    "multiply": lambda a: cv2.multiply(a, a),
    "pyrDown": lambda a: cv2.pyrDown(a),
    "remap": lambda a: cv2.remap(a, *WHERE, cv2.INTER_LINEAR),
    "resize": lambda a: cv2.resize(a, (8, 8), interpolation=cv2.INTER_AREA),
    "split": lambda a: cv2.split(cv2.merge([a, a]))[1],
    "subtract": lambda a: cv2.subtract(a, a),
    "threshold": lambda a: cv2.threshold(a, 100, 255, cv2.THRESH_BINARY)[1],
    "warpAffine": lambda a: cv2.warpAffine(a, MATRIX, (8, 8)),
    "warpPerspective": lambda a: cv2.warpPerspective(a, np.eye(3), (8, 8)),
}


@pytest.mark.parametrize("kind", [np.uint8, np.float32], ids=["uint8", "float32"])
@pytest.mark.parametrize("name", KEEP)
def test_what_is_said_to_keep_the_type_keeps_it(name: str, kind: type[np.generic]) -> None:
    assert KEEP[name](ramp(kind)).dtype == kind


MAKE: dict[str, tuple[Callable[[Any], Any], type[np.generic]]] = {
    "Canny": (lambda a: cv2.Canny(a, 10, 30), np.uint8),
    "boxPoints": (lambda a: cv2.boxPoints(((5, 5), (3, 2), 10)), np.float32),
    "calcHist": (lambda a: cv2.calcHist([a], [0], None, [256], [0, 256]), np.float32),
    "compare": (lambda a: cv2.compare(a, a, cv2.CMP_GT), np.uint8),
    "connectedComponentsWithStats": (lambda a: cv2.connectedComponentsWithStats(a)[1], np.int32),
    "convertScaleAbs": (lambda a: cv2.convertScaleAbs(a.astype(np.float32)), np.uint8),
    "findContours": (
        lambda a: cv2.findContours(a, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0][0],
        np.int32,
    ),
    "getPerspectiveTransform": (
        lambda a: cv2.getPerspectiveTransform(CORNERS, CORNERS),
        np.float64,
    ),
    "getRotationMatrix2D": (lambda a: cv2.getRotationMatrix2D((5.0, 5.0), 10, 1), np.float64),
    "getStructuringElement": (
        lambda _: cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)),
        np.uint8,
    ),
    "imencode": (lambda a: cv2.imencode(".png", a)[1], np.uint8),
    "inRange": (lambda a: cv2.inRange(a.astype(np.float32), 10, 20), np.uint8),
    "matchTemplate": (lambda a: cv2.matchTemplate(a, a[:5, :5], cv2.TM_CCORR), np.float32),
    "meanStdDev": (lambda a: cv2.meanStdDev(a)[1], np.float64),
    "spatialGradient": (lambda a: cv2.spatialGradient(a)[0], np.int16),
}


@pytest.mark.parametrize("name", MAKE)
def test_what_is_said_to_make_one_type_makes_it(name: str) -> None:
    call, kind = MAKE[name]
    assert call(ramp(np.uint8)).dtype == kind


def ramp(kind: type[np.generic]) -> np.ndarray:
    return (np.arange(SIDE * SIDE) % 251).reshape(SIDE, SIDE).astype(kind)
