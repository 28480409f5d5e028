"""One plant and one Chromium for all browser tests; a profile and a page for each."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.plant import Plant, chromium, context_of, quiet, signed_in


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    made = Plant(tmp_path_factory.mktemp("plant"))
    try:
        yield made.start()
    finally:
        made.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(params=["desktop"])
def context(
    request: pytest.FixtureRequest, browser: Browser, plant: Plant
) -> Iterator[BrowserContext]:
    made = context_of(browser, plant, phone=request.param == "phone")
    yield made
    made.close()


@pytest.fixture
def stranger(context: BrowserContext) -> Iterator[Page]:
    """A page of who is not signed in. Scripts may not fail while it is looked at."""
    page = context.new_page()
    complaints = quiet(page)
    yield page
    assert complaints == []


@pytest.fixture
def page(context: BrowserContext, stranger: Page) -> Page:
    """A page of the administrator ada."""
    signed_in(context)
    return stranger
