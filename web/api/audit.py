"""The audit: who did what, page by page, checked as a chain, and as CSV."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Shape
from schemas.store.accounts.audit import AuditEntry
from schemas.store.history.cells import cell
from web.access import requires
from web.identity import account_of
from web.response import ok
from web.site import site

audit = Blueprint("audit", __name__, url_prefix="/api/v1/audit")
FIELDS = ("id", "at", "username", "action", "target", "address", "request_id", "details", "hash")


class AuditQuery(Shape):
    """Which rows."""

    before: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    username: Annotated[str, Field(max_length=64)] | None = None
    action: Annotated[str, Field(max_length=64)] | None = None


class AuditRow(TypedDict):
    """Who did what. `whom` is the user name of the account that the target is the id of, as it is
    now; null for any other target."""

    id: int
    at: str
    username: str
    action: str
    target: str
    whom: str | None
    address: str
    request_id: str
    details: dict[str, Any]
    hash: str


class AuditPage(TypedDict):
    """Rows, newest first; `next` is `before` of the next page."""

    rows: list[AuditRow]
    next: int | None


class AuditCheck(TypedDict):
    """Whether the chain holds."""

    intact: bool
    rows: int
    head: str
    problem: str | None


@audit.get("")
@requires("ADMIN", query=AuditQuery, data=AuditPage)
def list_(query: AuditQuery) -> Response:
    """Rows, newest first; `next` is `before` of the next page, null on the last. `action` is how
    the action begins."""
    rows = site().accounts.audit(query.before, query.limit, query.username, query.action)
    return ok(
        {
            "rows": [_shown(row) for row in rows],
            "next": rows[-1].id if len(rows) == query.limit else None,
        }
    )


@audit.get("/verify")
@requires("ADMIN", limit="10 per minute", data=AuditCheck)
def check() -> Response:
    """Whether the chain holds; keep `head` elsewhere to compare it later."""
    count, head, wrong = site().accounts.verify_audit()
    return ok({"intact": wrong is None, "rows": count, "head": head, "problem": wrong})


@audit.get("/export")
@requires("ADMIN", limit="10 per minute", gives=("text/csv",))
def export() -> Response:
    """All rows as CSV, oldest first."""
    here = site()
    here.audit("audit.export")
    answer = Response(_csv(here.accounts.audit_rows()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="audit-{here.settings.node_id}.csv"'
    )
    return answer


def _csv(rows: Iterator[AuditEntry]) -> Iterator[str]:
    yield ",".join(FIELDS) + "\r\n"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([cell(value) for value in (*row[:-1], row.hash.hex())])
        yield line.getvalue()


def _shown(row: AuditEntry) -> dict[str, Any]:
    account = account_of(site(), row.target) if row.target else None
    return {
        **row._asdict(),
        "whom": account.username if account is not None and account.id == row.target else None,
        "details": json.loads(row.details),
        "hash": row.hash.hex(),
    }
