"""Nobody takes the lines from the person who tests them: an operator cannot, another administrator
is asked, and the first one is told."""

from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit


def test_the_lines_are_not_taken_from_who_tests_them(plant: Plant, visit: Visit) -> None:
    plant.user("adam", "ADMIN")
    ada = visit("/app/lines")
    card = ada.locator('section[data-station="cam2"]')
    card.get_by_role("button", name="Maintenance", exact=True).click()
    ada.get_by_role("dialog").get_by_role("button", name="Begin maintenance").click()
    expect(card).to_contain_text("Maintenance by ada")
    card.locator('[data-key="cam2-ng"]').click()
    expect(card.locator('[data-key="cam2-ng"]')).to_have_attribute("aria-pressed", "true")

    olga = visit("/app/run?station=cam2", who="olga", phone=True)
    resume = olga.locator('[data-station="cam2"] .operate').get_by_role("button", name="Resume")
    expect(resume).to_be_disabled()
    expect(resume).to_have_attribute(
        "title",
        "The station is in maintenance."
        " The person who began it can end it, or another administrator.",
    )
    assert overflow(olga) == 0

    adam = visit("/app/lines", who="adam")
    adam.locator('[data-key="cam2-end"]').click()
    dialog = adam.get_by_role("dialog")
    expect(dialog).to_contain_text("ada began it at")
    dialog.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("Maintenance by ada")
    adam.locator('[data-key="cam2-end"]').click()
    dialog.get_by_role("button", name="End maintenance").click()
    expect(ada.locator("#toasts")).to_contain_text(
        "adam ended the maintenance of cam2: its lines are off."
    )
    expect(card.locator('[data-key="cam2-begin"]')).to_be_visible()
    expect(
        resume.or_(
            olga.locator('[data-station="cam2"] .operate').get_by_role("button", name="Pause")
        )
    ).to_be_enabled()
