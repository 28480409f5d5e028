"""The pages say when node or broker is away, go on with what needs neither, and notice when they
are back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.demo.broker_process import start_broker
from tests.browser.plant import Plant, context_of, signed_in
from tests.browser.story import some_results

AWAY_MS = 30_000  # the will of a node is published 5 s after it is gone


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Plant]:
    """A plant of its own, so that other tests do not miss what it loses."""
    made = Plant(tmp_path)
    try:
        yield made.start()
    finally:
        made.end()


def test_node_and_broker_go_and_come_back(lonely: Plant, browser: Browser) -> None:
    some_results(lonely, 1)
    context = context_of(browser, lonely)
    signed_in(context)
    page = context.new_page()
    page.goto("/app/run?station=cam1")
    lamp, card = page.locator("#link"), page.locator('[data-station="cam1"]').first
    expect(lamp).to_have_attribute("data-state", "ok", timeout=AWAY_MS)

    lonely.node.kill()
    expect(lamp).to_have_text("Node away", timeout=AWAY_MS)
    expect(card.locator("[data-current]").first).to_have_attribute("data-current", "false")
    expect(page.locator("#alarms summary")).to_contain_text("Node away")
    page.locator("#alarms summary").click()
    expect(page.locator('[data-alarm="NODE_AWAY"]')).to_contain_text("systemctl status")
    page.goto("/app/health")
    found = page.locator('[data-component="node"]')
    expect(found).to_have_attribute("data-status", "error")
    expect(found).to_contain_text("inspection-node")
    expect(found).to_contain_text("since")
    page.goto("/app/lines")
    expect(page.locator("#away")).to_contain_text("Node away")
    expect(page.locator("#stations")).to_be_hidden()  # no cards that say nothing
    page.goto("/app/run?station=cam1")
    works_without_node(page)

    lonely.broker.stop()
    expect(lamp).to_have_text("Broker away", timeout=AWAY_MS)
    works_without_node(page)

    lonely.broker = start_broker(lonely.folder / "broker", lonely.broker.port)
    lonely.node.start()
    expect(lamp).to_have_text("Live", timeout=AWAY_MS)
    page.goto("/app/run?station=cam1")
    some_results(lonely, 1)
    expect(card.locator("[data-current]").first).to_have_attribute("data-current", "true")
    context.close()


def works_without_node(page: Page) -> None:
    """History and programs are read from the state folder; the earlier page is shown again at the
    end."""
    before = page.url
    page.goto("/app/history")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.goto("/app/programs")
    expect(page.get_by_role("link", name=re.compile("Synthetic part")).first).to_be_visible()
    page.goto(before)
    expect(page.locator("#link")).to_have_attribute("data-state", "bad")
