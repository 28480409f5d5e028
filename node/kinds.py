"""Modules by kind, imported late: some of them load large libraries."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType


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
