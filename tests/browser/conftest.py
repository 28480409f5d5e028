"""One plant and one Chromium for all browser tests, and pages of people who look at it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.plant import Plant, chromium, signed_in
from tests.browser.profiles import Profiles, Visit


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


@pytest.fixture(scope="session")
def profiles(browser: Browser, plant: Plant) -> Iterator[Profiles]:
    """Pages of people who are signed in already."""
    made = Profiles(browser, plant)
    yield made
    made.close()


@pytest.fixture
def visit(profiles: Profiles) -> Iterator[Visit]:
    """Opens pages as Profiles.visit does, until the test ends."""
    with ExitStack() as pages:
        yield lambda path="", **look: pages.enter_context(profiles.visit(path, **look))


@pytest.fixture
def stranger(visit: Visit) -> Page:
    """A page of somebody who is not signed in."""
    return visit(who=None)


@pytest.fixture
def page(stranger: Page) -> Page:
    """A page of the administrator ada, who has just signed in: tests may end that session."""
    signed_in(stranger.context)
    return stranger
