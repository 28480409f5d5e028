"""Number of tools that are OK."""

from node.measurement import Given, Measurement
from schemas import Count, Problem


def learn(_view: None, _settings: Count) -> None:
    """Nothing is kept of the master."""


def measure(_view: None, settings: Count, _learned: None, given: Given) -> Measurement:
    """How many of the named tools are OK. Raises Problem NO_VALUE if one of them has no value."""
    for name in settings.tools:
        if given.measured.get(name) is None:
            raise Problem("NO_VALUE", f"the tool {name} has none")
    return Measurement(sum(given.passed.get(name, False) for name in settings.tools))
