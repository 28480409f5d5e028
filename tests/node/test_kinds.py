"""Every tool and locator keeps to its Protocol: its functions take what they are given."""

import inspect
from collections.abc import Callable
from typing import Any, get_args

import pytest

from node.locators import LOCATORS
from node.tools import TOOLS
from schemas import Tool

SETTINGS = {each.model_fields["kind"].default: each for each in get_args(get_args(Tool)[0])}


def takes(function: Callable[..., Any], number: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * number)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("kind", TOOLS)
def test_a_tool_takes_what_its_settings_say_that_it_asks_for(kind: str) -> None:
    settings, tool = SETTINGS[kind], TOOLS[kind]
    assert takes(tool.learn, 3 if "model" in settings.model_fields else 2)
    assert takes(tool.measure, 4 if settings.asks else 3)
    assert settings.asks or not takes(tool.measure, 4)


@pytest.mark.parametrize("kind", LOCATORS)
def test_a_locator_learns_from_a_frame_and_finds_in_one(kind: str) -> None:
    locator = LOCATORS[kind]
    assert takes(locator.learn, 2)
    assert takes(locator.find, 3)
    assert takes(locator.origin, 2)
