"""What changed from one version of a program to another; tools are compared by their names."""

from typing import Any, NamedTuple


class Change(NamedTuple):
    """One difference between two versions: where, and the value before and after (None: not
    there)."""

    path: str
    old: Any
    new: Any


def differences(path: str, old: Any, new: Any) -> list[Change]:
    """The changes from one JSON value to another, each with its path: `tools[label].low`."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        steps = [
            (f"{path}.{key}" if path else str(key), old.get(key), new.get(key)) for key in keys
        ]
        return [change for step in steps for change in differences(*step)]
    if _named(old) and _named(new):
        before, after = ({item["name"]: item for item in items} for items in (old, new))
        changes = [
            change
            for name in {**before, **after}
            for change in differences(f"{path}[{name}]", before.get(name), after.get(name))
        ]
        if [n for n in before if n in after] != [n for n in after if n in before]:
            changes.append(Change(path, list(before), list(after)))
        return changes
    return [] if type(old) is type(new) and old == new else [Change(path, old, new)]


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and "name" in item for item in value
    )
