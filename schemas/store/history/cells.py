"""Text in a cell of a table that a spreadsheet opens: it stays text, whatever the spreadsheet takes
for a separator."""

import re
from typing import Any

# What begins a formula (OWASP, CSV injection), also in full width, both at the start and after what
# other locales split at.
FORMULA = re.compile("(^|[;\t\r\n|])([ \u00a0\"']*)([=+\\-@\uff1d\uff0b\uff0d\uff20])")


def cell(value: Any) -> Any:
    """The value; text that would be calculated gets an apostrophe where the formula would begin."""
    if not isinstance(value, str):
        return value
    made = FORMULA.sub(r"\1'\2\3", value)
    return f"'{made}" if made[:1] in ("\t", "\r", "\n") else made
