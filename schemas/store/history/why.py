"""Why a part is not OK, in the one tool that says most: what a list shows beside the verdict."""

import json
from typing import Any

from typing_extensions import TypedDict


class Why(TypedDict):
    """The first tool that is not OK (of an ERROR the first that failed), the limits it had, and how
    many others there are."""

    tool: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    code: str | None
    more: int


def why(payload: bytes | dict[str, Any]) -> Why | None:
    """Why a result is what it is; None if it is OK, or no tool has looked at the part."""
    result = json.loads(payload) if isinstance(payload, bytes) else payload
    bad = (
        [tool for tool in result["tools"] if tool["verdict"] != "OK"]
        if result["verdict"] != "OK"
        else []
    )
    if not bad:
        return None
    first = next((tool for tool in bad if tool["verdict"] == result["verdict"]), bad[0])
    code = first["error"]["code"] if first["error"] else None
    return Why(
        tool=first["name"],
        value=first["value"],
        unit=first["unit"],
        low=first["low"],
        high=first["high"],
        code=code,
        more=len(bad) - 1,
    )


def in_words(why: Why | None) -> str | None:
    """As one cell of a table: `crystal 0.63 (at least 0.7) +2`."""
    if why is None:
        return None
    value, low, high = why["value"], why["low"], why["high"]
    if value is None:
        said = why["code"] or "no value"
    else:
        said = f"{value:.4g}"
        if low is not None and value < low:
            said += f" (at least {low:.4g})"
        elif high is not None and value > high:
            said += f" (at most {high:.4g})"
    return f"{why['tool']} {said}" + (f" +{why['more']}" if why["more"] else "")
