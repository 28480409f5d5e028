"""The picture of a station's newest part: the node draws it while somebody watches, and this asks
it to."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from schemas.store.live_pictures import LivePictures
from web.access import requires
from web.command import NO_STATION, check_station, command, presence
from web.records import records
from web.response import ok
from web.site import site

showing = Blueprint("showing", __name__, url_prefix="/api/v1")

ASKED = "stations_that_are_watched"
ASK_S = 20.0  # the node goes on drawing for a minute each time
REPLY_S = 1.0
WAIT_S = 0.6  # a picture is there about 50 ms after its result
LOOK_S = 0.004  # a look costs about 0.1 ms
NO_PICTURE = (*NO_STATION, "RESULT_NOT_FOUND")


class PictureQuery(Shape):
    """Which picture."""

    seq: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Number of the part; its picture, or a newer one, is waited for a moment.",
    )


class ShownList(TypedDict):
    """Results whose annotated pictures were drawn for whoever watches, the newest first."""

    result_ids: list[str]


@showing.get("/stations/<station>/picture")
@requires(
    "SCREEN",
    query=PictureQuery,
    limit="3000 per minute",
    gives=("image/jpeg", ""),
    codes=NO_STATION,
)
def newest_picture(station: str, query: PictureQuery) -> ResponseReturnValue:
    """The newest annotated picture, 204 if there is none yet.

    X-Result-Id and X-Seq say of which part it is: a newer one than that of `seq`, or an older one
    where that was not drawn. X-Failed-At says where a bad part failed: left, top, width and height
    in thousandths of the picture.
    """
    check_station(station)
    here = presence()
    if here == "ok":
        _watch(station)
    shown = LivePictures(site().state / "shown")
    until = time.monotonic() + (WAIT_S if here == "ok" else 0)
    while True:
        picture = shown.newest(station)
        if picture is None or picture.seq < (query.seq or 0):
            if time.monotonic() < until:
                time.sleep(LOOK_S)
                continue
            if picture is None:
                return Response(status=204)
        with suppress(FileNotFoundError):  # newer ones have just taken its place
            answer = Response(picture.path.read_bytes(), mimetype="image/jpeg")
            answer.headers["X-Result-Id"] = picture.result_id
            answer.headers["X-Seq"] = str(picture.seq)
            if picture.place is not None:
                answer.headers["X-Failed-At"] = ",".join(map(str, picture.place))
            answer.headers["Cache-Control"] = "no-store"
            return answer


@showing.get("/stations/<station>/pictures")
@requires("SCREEN", data=ShownList, codes=NO_STATION)
def shown_pictures(station: str) -> ResponseReturnValue:
    """The newest results that were drawn while somebody watched; each picture stays for a little
    while."""
    pictures = LivePictures(site().state / "shown").all(check_station(station))
    return ok({"result_ids": [picture.result_id for picture in reversed(pictures)]})


@showing.get("/stations/<station>/pictures/<result_id>")
@requires("SCREEN", limit="1200 per minute", gives=("image/jpeg",), codes=NO_PICTURE)
def one_picture(station: str, result_id: str) -> ResponseReturnValue:
    """The annotated picture of one result: one of the newest drawn while somebody watched, or one
    that is kept."""
    check_station(station)
    picture = LivePictures(site().state / "shown").find(station, result_id)
    try:
        path = picture.path if picture is not None else _kept(result_id)
        answer = Response(path.read_bytes(), mimetype="image/jpeg")
    except FileNotFoundError:
        raise Problem(
            "RESULT_NOT_FOUND", f"the picture of {result_id:.40} is not kept any more"
        ) from None
    answer.set_etag(result_id)
    # after signing out nobody sees it any more
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def _kept(result_id: str) -> Path:
    name = records().pictures.names(result_id).annotated
    assert name is not None
    return records().pictures.path(name)


def _watch(station: str) -> None:
    """Tell the node that somebody watches, now and then."""
    asked: dict[str, float] = current_app.extensions.setdefault(ASKED, {})
    now = time.monotonic()
    if now - asked.get(station, -ASK_S) >= ASK_S:
        asked[station] = now
        # an older node, or one that has just gone: the kept pictures remain
        with suppress(Problem):
            command("show", REPLY_S, station=station)
