"""What is read of the node's folders: history, figures, pictures, acknowledgements, and the last
answers of that. One a process, made at the first use."""

import threading
from typing import NamedTuple

from flask import Flask, current_app
from typing_extensions import TypedDict

from schemas.store.acknowledged import Acknowledged
from schemas.store.history.rows import History
from schemas.store.history.statistics import Statistics
from schemas.store.pictures import Pictures
from web.kept import Kept
from web.live import Live
from web.site import NAME, Site

RECORDS = "records_of_inspection"
STREAMS = 16
_lock = threading.Lock()


class Spread(TypedDict):
    """Times in ms of the newest results."""

    of: int
    last: float | None
    average: float | None
    p95: float | None
    max: float | None


Counts = TypedDict(
    "Counts", {"total": int, "OK": int, "NG": int, "ERROR": int, "yield": float | None}
)


class Counters(Counts):
    """Since the counters were reset."""

    since: str | None
    last_seq: int
    cycle_ms: Spread


class Records(NamedTuple):
    """See the head of this file."""

    history: History
    statistics: Statistics
    pictures: Pictures
    acknowledged: Acknowledged
    live: Live
    kept: Kept


def records() -> Records:
    """The records of the application that answers this request."""
    return records_of(current_app)


def records_of(app: Flask) -> Records:
    """Those of an application.

    In its config: `EVENT_STREAMS` is how many event streams it serves at a time, `ENDING` tells
    whether the server is about to end, which streams do at once.
    """
    with _lock:
        records: Records | None = app.extensions.get(RECORDS)
        if records is None:
            here: Site = app.extensions[NAME]
            history = History(here.state / "ledger.db")
            ids = [station.id for station in here.settings.station]
            records = app.extensions[RECORDS] = Records(
                history,
                Statistics(history),
                Pictures(here.state / "pictures", here.settings.pictures),
                Acknowledged(here.state / "acknowledged.json"),
                Live(
                    here,
                    history,
                    ids,
                    app.config.get("EVENT_STREAMS", STREAMS),
                    app.config.get("ENDING", lambda: False),
                ),
                Kept(history.ledger),
            )
        return records
