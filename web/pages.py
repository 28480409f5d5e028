"""The pages for browsers: each is a template with a module of its own, and the API does the
work."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from schemas import Problem
from web.access import Level, Person, allowed, requires
from web.guides import guides
from web.site import Site, installed, site

pages = Blueprint("pages", __name__)
LIMIT = "600 per minute"
HOME = "/app/run"
SIGN_IN = "/app/sign-in"
SETUP = "/app/setup"
THEMES = ("light", "dark")


class Page(NamedTuple):
    """A page: its address below /app, who may see it, its title; `icon` if it stands in the
    menu."""

    path: str
    name: str
    level: Level
    title: str
    icon: str | None = None


PAGES = (
    Page("/sign-in", "sign_in", "PUBLIC", "Sign in"),
    Page("/setup", "setup", "PUBLIC", "First account"),
    Page("/screen", "screen", "PUBLIC", "Screen"),
    Page("/begin", "begin", "ADMIN", "First steps"),
    Page("/run", "run", "SCREEN", "Run", "run"),
    Page("/programs", "programs", "VIEWER", "Programs", "programs"),
    Page("/programs/new", "editor", "ADMIN", "New program"),
    Page("/programs/<id>", "program", "VIEWER", "Program"),
    Page("/programs/<id>/edit", "editor", "ADMIN", "Edit program"),
    Page("/history", "history", "VIEWER", "History", "history"),
    Page("/history/<result_id>", "result", "VIEWER", "Result"),
    Page("/statistics", "statistics", "VIEWER", "Statistics", "statistics"),
    Page("/lines", "lines", "VIEWER", "I/O", "lines"),
    Page("/health", "health", "VIEWER", "Health", "health"),
    Page("/users", "users", "ADMIN", "Users", "users"),
    Page("/sessions", "sessions", "VIEWER", "Sessions", "sessions"),
    Page("/audit", "audit", "ADMIN", "Audit", "audit"),
    Page("/settings", "settings", "ADMIN", "Settings", "settings"),
    Page("/backups", "backups", "ADMIN", "Backups", "save"),
    Page("/api", "api", "VIEWER", "API docs", "api"),
    Page("/account", "account", "VIEWER", "My account"),
    Page("/guides/<guide>", "guide", "VIEWER", "Guide"),
)


def _view(page: Page):  # type: ignore[no-untyped-def]
    def view(**parts: str) -> ResponseReturnValue:
        if page.name == "setup" and site().users.list():
            return redirect(SIGN_IN)
        if page.name == "sign_in" and _nobody():
            return redirect(SETUP)
        if page.name == "guide" and f"{parts['guide']}.md" not in guides():
            raise Problem("NOT_FOUND", "there is no such guide")
        return show(page.name, page.title, parts=parts)

    view.__name__, view.__doc__ = page.name, f"The page {page.title}."
    return view


def show(
    name: str, title: str, status: int = 200, parts: Mapping[str, str] | None = None, **more: object
) -> Response:
    """A page of a name; `parts` are those of its address, for the module (`page.parts`); `more` is
    for the template."""
    person: Person | None = g.get("person")
    theme = request.cookies.get("theme")
    here = site()
    text = render_template(
        f"pages/{name}.html",
        page=name,
        title=title,
        person=person,
        menu=[
            page
            for page in PAGES
            if page.icon and person is not None and allowed(person, page.level)
        ],
        here=request.path,
        theme=theme if theme in THEMES else "auto",
        node_id=here.settings.node_id,
        version=installed(),
        notice=here.settings.web.notice,
        provider=here.settings.oidc.name if here.settings.oidc.issuer is not None else None,
        simulated=_simulated(here),
        parts=parts or {},
        status=status,
        **more,
    )
    answer = Response(text, status, mimetype="text/html")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def is_page() -> bool:
    """Whether this request is for a page, so that an error becomes one too."""
    return request.path == "/app" or request.path.startswith("/app/")


def refused(problem: Problem, status: int) -> ResponseReturnValue:
    """An error as a page; to the sign-in if that is what is missing."""
    if status == 401 and request.method == "GET":
        if _nobody():
            return redirect(SETUP)
        at = urlsplit(request.full_path.rstrip("?"))
        return redirect(
            f"{SIGN_IN}?{urlencode({'next': at.path + (f'?{at.query}' if at.query else '')})}"
        )
    return show("error", "Error", status, problem=problem)


def _nobody() -> bool:
    """Whether nobody can sign in yet: there is no account, and no provider that could create
    one."""
    here = site()
    return here.settings.oidc.issuer is None and not here.users.list()


def _simulated(here: Site) -> bool:
    """Whether any camera or lines are simulated: as the node says, else as the settings say."""
    said = (here.watch.state or {}).get("simulated")
    if said is not None:
        return bool(said)
    return any(
        station.camera.kind in ("synthetic", "folder") or station.lines.kind == "memory"
        for station in here.settings.station
    )


for _page in PAGES:
    _checked = requires(_page.level, limit=LIMIT)(_view(_page))
    pages.add_url_rule(
        f"/app{_page.path}", "new" if _page.path.endswith("/new") else _page.name, _checked
    )
