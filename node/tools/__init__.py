"""The tools: one file a kind, each two pure functions.

learn(view, settings) -> what the tool keeps of the master (None if nothing), once, when a program
is loaded; raises Problem if there is nothing to learn from. A tool that was taught gets its model
as well: learn(view, settings, model).

measure(view, settings, learned) -> Measurement; raises Problem if there is nothing to measure: a
tool never makes a number up. A tool whose settings say `asks` (it needs the trigger, or what other
tools found) gets that as well: measure(view, settings, learned, given). view is None for a tool
without a region.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from node.frame import Measurement
from schemas import Calibration, Trigger
from schemas.tools import LOCATOR_MODULES, TOOL_MODULES


class Given(NamedTuple):
    """What a tool may ask for: the trigger, by name what the tools it uses measured (None for one
    that could not), px to mm."""

    trigger: Trigger
    measured: Mapping[str, Measurement | None]
    passed: Mapping[str, bool]
    calibration: Calibration | None = None


class Kinds(Mapping[str, ModuleType]):
    """Modules by kind, each imported when it is first asked for: some of them load large
    libraries."""

    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, kind: str) -> ModuleType:
        return import_module(self._modules[kind])

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


TOOLS = Kinds({kind: f"node.tools.{module}" for kind, module in TOOL_MODULES.items()})
LOCATORS = Kinds({kind: f"node.tools.{module}" for kind, module in LOCATOR_MODULES.items()})
