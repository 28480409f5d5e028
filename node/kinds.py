"""Modules by kind, imported late: some of them load large libraries."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar, cast

M = TypeVar("M")


class Kinds(Mapping[str, M]):
    """Modules by kind, each imported when it is first asked for. M: the Protocol that they keep;
    tests hold each module against it."""

    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, kind: str) -> M:
        return cast(M, import_module(self._modules[kind]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)
