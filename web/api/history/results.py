"""Results: pages of them, one of them, what is around it, its pictures, exports.

One file: a route, what it takes and what it answers stand together.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from flask import Response, request, send_file
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import CATALOGUE, Problem, Result, utc
from schemas.result import Images, Verdict
from schemas.store.history.export import MAX_ROWS, as_csv, json_lines
from schemas.store.history.filter import Filter
from schemas.store.history.rows import BUDGET_S, MAX_LIMIT, HistoryRow
from schemas.store.history.why import Why
from schemas.store.pictures import thumb_of
from schemas.store.programs import Head
from web.access import current, requires
from web.api.history.base import SLOW, filter_of, history
from web.command import stations
from web.records import records
from web.response import as_json, ok, written
from web.site import site

COUNT_S = 1.0
FOR_SCREENS = {"station", "verdict", "limit"}  # what the Run page asks for
WRITTEN_S = 10.0  # pictures are written after their result


class PageQuery(Filter):
    """A page of results."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = Field(
        default=50, description="Results of the page."
    )
    cursor: str | None = Field(
        default=None, max_length=200, description="From the page before; goes on after it."
    )
    order: Literal["newest", "oldest"] = Field(default="newest", description="Which come first.")
    search_s: Annotated[float, Field(strict=False, ge=0.05, le=2.0)] = Field(
        default=BUDGET_S,
        description="How long to search for rare results, in seconds, before `complete` is false.",
    )


class ExportQuery(Filter):
    """An export."""

    format: Literal["csv", "jsonl"] = Field(
        default="csv", description="csv for a spreadsheet, jsonl for programs."
    )
    order: Literal["newest", "oldest"] = Field(default="newest", description="Which come first.")
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = Field(
        default=MAX_ROWS, description="Results at most."
    )


class ResultRow(TypedDict):
    """One result in a list."""

    result_id: str
    trigger_id: str
    station: str
    seq: int
    verdict: Verdict
    code: str | None
    program: str | None
    program_version: int | None
    part_id: str | None
    finished_at: str
    duration_ms: float
    why: Why | None
    images: Images | None


class ResultRead(Result):
    """One result as it was published; `kept` are the names of its pictures that are still there."""

    kept: list[str]


class Around(TypedDict):
    """What is known around a result.

    previous, next: results of the station; advice: what to do about its error; newest_version: of
    its program, None if that was deleted.
    """

    previous: str | None
    next: str | None
    advice: str | None
    newest_version: int | None


class ResultPage(TypedDict):
    """A page of results; `searched_to` is the time at which an incomplete search stands."""

    results: list[ResultRow]
    cursor: str | None
    complete: bool
    searched_to: str | None


class ToolChoice(TypedDict):
    """A tool of a program."""

    name: str
    kind: str
    unit: str


class ProgramChoice(TypedDict):
    """A program."""

    id: str
    name: str
    tools: list[ToolChoice]


class CodeChoice(TypedDict):
    """A code that results have."""

    code: str
    message: str


class Choices(TypedDict):
    """What a filter can be set to."""

    stations: list[str]
    programs: list[ProgramChoice]
    codes: list[CodeChoice]


@history.get("/results")
@requires("SCREEN", query=PageQuery, data=ResultPage, codes=SLOW)
def results(query: PageQuery) -> ResponseReturnValue:
    """A page of results. `cursor` leads to the next page, null at the end; `complete` false: the
    search goes on there. A screen sees the newest of a station, by verdict, and nothing older."""
    if current().role == "SCREEN" and not query.model_fields_set <= FOR_SCREENS:
        raise Problem("PERMISSION_DENIED", "a screen sees the newest results of a station only")
    return records().kept.answer(lambda: _page(query))


def _page(query: PageQuery) -> dict[str, Any]:
    page = records().history.page(
        filter_of(query), query.limit, query.cursor, query.order, query.search_s
    )
    shown = _shown(page.rows)
    rows = [{**row._asdict(), "images": shown.get(row.result_id)} for row in page.rows]
    return {
        "results": rows,
        "cursor": page.cursor,
        "complete": page.complete,
        "searched_to": page.searched_to,
    }


@history.get("/results/choices")
@requires("VIEWER", data=Choices, codes=SLOW)
def choices() -> ResponseReturnValue:
    """What a filter can be set to: stations, programs with their tools, and the codes that results
    have."""
    programs = [
        {"id": head.id, "name": head.name, "tools": _tools(head)} for head in site().programs.list()
    ]
    codes = [
        {"code": code, "message": _entry(code, "message") or ""}
        for code in records().history.codes()
    ]
    return ok({"stations": stations(), "programs": programs, "codes": codes})


def _tools(head: Head) -> list[ToolChoice]:
    try:
        return [ToolChoice(name=name, kind=kind, unit=unit) for name, kind, unit in _tools_of(head)]
    except Problem:  # one that cannot be read any more; its own page says why
        return []


@lru_cache(4096)
def _tools_of(head: Head) -> tuple[tuple[str, str, str], ...]:
    """Name, kind and unit of each tool. A version never changes, so it is read once."""
    return tuple(
        (tool.name, tool.kind, tool.unit)
        for tool in site().programs.get(head.id, head.version).program.tools
    )


@history.get("/results/<result_id>")
@requires("SCREEN", data=ResultRead, codes=("RESULT_NOT_FOUND",))
def one_result(result_id: str) -> ResponseReturnValue:
    """One result as it was published; `kept` says which of its pictures are still there."""
    payload = records().history.one(result_id)
    names = _pictures(payload)
    kept = b"[]"
    if names:
        gone = records().pictures.missing(names)
        kept = as_json([name for name in names if name not in gone])
    # it is a non-empty object
    return written(payload.rstrip()[:-1] + b',"kept":' + kept + b"}")


@history.get("/results/<result_id>/around")
@requires("VIEWER", data=Around, codes=("RESULT_NOT_FOUND",))
def around(result_id: str) -> ResponseReturnValue:
    """What is known around a result: its neighbours, what to do about its error, the newest version
    of its program."""
    result = json.loads(records().history.one(result_id))
    previous, following = records().history.beside(result["station"], result["seq"])
    return ok(
        {
            "previous": previous,
            "next": following,
            "advice": _entry(result["error"]["code"], "advice") if result["error"] else None,
            "newest_version": _newest_version(result["program"]),
        }
    )


@history.get("/results/export")
@requires(
    "VIEWER",
    query=ExportQuery,
    limit="10 per minute",
    gives=("text/csv", "application/x-ndjson"),
    codes=SLOW,
)
def export(query: ExportQuery) -> ResponseReturnValue:
    """Results as CSV or JSON lines, as a stream; X-Total-Count says how many there are, if they can
    be counted quickly."""
    wanted = filter_of(query)
    name = f"results-{site().settings.node_id}-{utc()[:19].replace(':', '')}.{query.format}"
    body: Iterator[str] | Iterator[bytes]
    if query.format == "csv":
        body = as_csv(records().history, wanted, query.order, query.rows)
    else:
        body = json_lines(records().history, wanted, query.order, query.rows)
    answer = Response(
        body, mimetype="text/csv" if query.format == "csv" else "application/x-ndjson"
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if wanted.tool is None:
        with suppress(Problem):  # it takes too long to count, or the stream itself will report it
            total = records().statistics.counts(wanted, COUNT_S)["total"]
            answer.headers["X-Total-Count"] = str(min(query.rows, total))
    return answer


def _path(name: str) -> Path:
    """The file of a picture: only names of ours come further. Raises Problem RESULT_NOT_FOUND."""
    pictures = records().pictures
    try:
        return pictures.path(name)
    except Problem:
        annotated = f"{name[:36]}.annotated.jpg"
        if name != thumb_of(annotated):
            raise
        return pictures.path(annotated)


@history.get("/pictures/<name>")
@requires(
    "SCREEN",
    limit="1200 per minute",
    gives=("image/jpeg", "image/png"),
    codes=("RESULT_NOT_FOUND",),
)
def picture(name: str) -> ResponseReturnValue:
    """A picture of a result, by the name in the result. Browsers keep it, and ask each time whether
    they still may show it.

    `ID.thumb.jpg` is the annotated picture, 160 px wide; of results that were stored without it,
    the annotated one itself.
    """
    path = _path(name)
    try:
        answer = send_file(
            path, mimetype="image/png" if name.endswith(".png") else "image/jpeg", etag=False
        )
    except FileNotFoundError:
        raise Problem("RESULT_NOT_FOUND", f"the picture {name} is not kept any more") from None
    answer.set_etag(path.name)
    # after signing out nobody sees it any more
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def _shown(rows: list[HistoryRow]) -> dict[str, dict[str, Any]]:
    """Names of the pictures that results have: those still there, and those that are just being
    written."""
    names = {row.result_id: records().pictures.names(row.result_id) for row in rows if row.pictures}
    gone = set(
        records().pictures.missing(each.annotated for each in names.values() if each.annotated)
    )
    now = utc(time.time() - WRITTEN_S)
    return {
        row.result_id: names[row.result_id].model_dump()
        for row in rows
        if row.pictures and (names[row.result_id].annotated not in gone or row.finished_at > now)
    }


@lru_cache(maxsize=64)  # payloads of 16 KiB at most: one megabyte
def _pictures(payload: bytes) -> tuple[str, ...]:
    """The names of a result's pictures: those that look at a line ask for the same few results."""
    return tuple(name for name in json.loads(payload)["images"].values() if name)


def _entry(code: str, part: Literal["message", "advice"]) -> str | None:
    entry = CATALOGUE.get(code)
    return None if entry is None else str(getattr(entry, part))


def _newest_version(program: str | None) -> int | None:
    if program is None:
        return None
    try:
        return site().programs.get(program).version
    except Problem:
        return None
