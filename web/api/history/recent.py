"""The last verdicts of every station, for a look at a whole hall."""

from flask.typing import ResponseReturnValue
from typing_extensions import TypedDict

from web.access import requires
from web.api.history.base import SLOW, history
from web.command import stations
from web.records import records
from web.response import ok

MOST = 60


class Recent(TypedDict):
    """`verdicts` has a letter (O, N, E) for each of the last parts; the newest stands last, and is
    `last_seq`, finished `at`."""

    last_seq: int
    verdicts: str
    at: str | None


@history.get("/statistics/recent")
@requires("SCREEN", data=dict[str, Recent], codes=SLOW)
def recent() -> ResponseReturnValue:
    """The verdicts of the last 60 parts of every station."""
    return ok({station: _recent(station) for station in stations()})


def _recent(station: str) -> Recent:
    newest = records().history.newest(station, MOST)
    letters = "".join(part.verdict[0] for part in reversed(newest))
    if not newest:
        return {"last_seq": 0, "verdicts": letters, "at": None}
    return {"last_seq": newest[0].seq, "verdicts": letters, "at": newest[0].finished_at}
