"""The catalogue of locators: what each kind can be told. Written by schemas/kinds.py."""

from typing import Annotated

from pydantic import Field

from schemas.locators.corner import CornerLocator
from schemas.locators.marks import Marks
from schemas.locators.pattern import Pattern

Locator = Annotated[CornerLocator | Marks | Pattern, Field(discriminator="kind")]

LOCATOR_MODULES = {  # by kind, in this folder and in that of node
    "corner": "corner",
    "marks": "marks",
    "pattern": "pattern",
}

__all__ = [
    "LOCATOR_MODULES",
    "CornerLocator",
    "Locator",
    "Marks",
    "Pattern",
]
