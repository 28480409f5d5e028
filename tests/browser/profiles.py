"""Browser profiles that stories share: a person signs in once for each look, and what the pages are
made of is loaded once. A new page costs more than what is shown in it, so each profile has one that
goes from story to story; no story finds there what another has left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.plant import Plant, answered, context_of, quiet, signed_in

Visit = Callable[..., Page]  # a page, opened as `Profiles.visit` does
KEPT = "local_storage,indexeddb"
BLANK = "about:blank"
AS_IT_WAS = {"media": "null", "color_scheme": "null", "reduced_motion": "null"}


class Profiles:
    """The profiles of one browser, made when they are asked for."""

    def __init__(self, browser: Browser, plant: Plant) -> None:
        self._browser = browser
        self._plant = plant
        self._made: dict[str, BrowserContext] = {}
        self._free: dict[str, list[tuple[Page, list[str]]]] = {}  # and what it complains about

    @contextmanager
    def visit(
        self,
        path: str = "",
        who: str | None = "ada",
        answers: dict[str, str] | None = None,
        *,
        loud: bool = False,
        **look: Any,
    ) -> Iterator[Page]:
        """A page of a person (None: of nobody) in a look, as `context_of` takes it, at a path.

        answers: what the page reads instead of the web's answers, see `plant.answered`. Scripts may
        not fail while the page is looked at, unless it may be loud.
        """
        key = repr((who, sorted(look.items())))
        context = self._profile(key, who, look)
        free = self._free.setdefault(key, [])
        page, complaints = free.pop() if free and not answers else _new(context)
        size = page.viewport_size
        self._forget(page)
        for at, change in (answers or {}).items():
            answered(page, at, change)
        complaints.clear()
        try:
            if path:
                page.goto(path)
            yield page
            assert loud or complaints == [], complaints
        except BaseException:
            page.close()
            raise
        if answers or page.is_closed():
            page.close()
        else:
            self._leave(page, size)
            free.append((page, complaints))

    def close(self) -> None:
        """End them all."""
        for context in self._made.values():
            context.close()

    def _profile(self, key: str, who: str | None, look: dict[str, Any]) -> BrowserContext:
        context = self._made.get(key)
        if context is None:
            context = self._made[key] = context_of(self._browser, self._plant, **look)
        if who is None:
            context.clear_cookies()
        elif not context.request.get("/api/v1/auth/me").ok:  # new, or it ended
            signed_in(context, who)
        return context

    def _forget(self, page: Page) -> None:
        """What pages have kept in the browser."""
        session = page.context.new_cdp_session(page)
        kept = {"origin": self._plant.url, "storageTypes": KEPT}
        session.send("Storage.clearDataForOrigin", kept)
        session.detach()

    def _leave(self, page: Page, size: ViewportSize | None) -> None:
        page.unroute_all()
        if size is not None and page.viewport_size != size:
            page.set_viewport_size(size)
        if page.url.startswith(self._plant.url):
            page.evaluate("sessionStorage.clear()")
        page.goto(BLANK)
        page.emulate_media(**AS_IT_WAS)  # type: ignore[arg-type]


def _new(context: BrowserContext) -> tuple[Page, list[str]]:
    page = context.new_page()
    return page, quiet(page)
