"""Signing in and out, the second factor, accounts, sessions and the audit, as people do it."""

import re
import time

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.plant import Plant, context_of, named, quiet, violations
from tests.browser.profiles import Visit
from tests.rooms.people.people import PASSWORD


def fill_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def forget(context: BrowserContext, page: Page) -> None:
    """Take the session away from a page, which is left first: it would notice, and go to the
    sign-in page by itself."""
    page.goto("about:blank")
    context.clear_cookies()


def test_sign_in_leads_back_to_the_page_that_was_asked_for(stranger: Page) -> None:
    stranger.goto("/app/statistics?station=cam1")
    expect(stranger).to_have_url(re.compile(r"/app/sign-in\?next="))
    fill_in(stranger, "vera", "wrong " + PASSWORD)
    expect(stranger.get_by_role("alert")).to_contain_text("User name or password")
    fill_in(stranger, "vera")
    expect(stranger).to_have_url(re.compile(r"/app/statistics\?station=cam1$"))
    stranger.locator("#person summary").click()
    stranger.get_by_role("button", name="Sign out").click()
    expect(stranger).to_have_url(re.compile("/app/sign-in"))
    stranger.goto("/app/run")
    expect(stranger).to_have_url(re.compile("/app/sign-in"))


@pytest.mark.parametrize(
    "after",
    [
        "https://evil.example/",
        "//evil.example/app/run",
        "javascript:alert(1)",
        "/app/../../etc",
        "/\\evil.example",
    ],
)
def test_sign_in_leads_nowhere_else(stranger: Page, plant: Plant, after: str) -> None:
    stranger.goto("/app/sign-in")
    stranger.goto(f"{plant.url}/app/sign-in?next={after}")
    fill_in(stranger, "vera")
    expect(stranger).to_have_url(f"{plant.url}/app/run")


def test_who_is_signed_in_already_goes_on_at_once(page: Page) -> None:
    page.goto("/app/sign-in?next=/app/health")
    expect(page).to_have_url(re.compile("/app/health$"))


def test_a_session_that_was_ended_says_so_at_once_and_leads_back_afterwards(
    visit: Visit, page: Page
) -> None:
    olga = visit("/app/run?station=cam1", who="olga")
    expect(olga.locator("#link")).to_have_attribute("data-state", "ok")
    page.goto("/app/sessions")
    headers = {"Sec-Fetch-Site": "same-origin"}
    for row in page.request.get("/api/v1/auth/sessions?all=true").json()["data"]:
        if row["username"] == "olga":
            assert page.request.delete(f"/api/v1/auth/sessions/{row['id']}", headers=headers).ok
    expect(olga).to_have_url(re.compile(r"/app/sign-in\?next=.*run.*&why=ended$"))
    expect(olga.locator("#ended")).to_contain_text("Your session has ended")
    olga.get_by_label("User name").fill("olga")
    olga.get_by_label("Password").fill(PASSWORD)
    olga.get_by_role("button", name="Sign in").click()
    expect(olga).to_have_url(re.compile(r"/app/run\?station=cam1$"))


def test_an_expired_access_token_is_renewed_unseen(page: Page) -> None:
    context = page.context
    page.goto("/app/sessions")
    kept = [cookie for cookie in context.cookies() if "access" not in cookie["name"]]
    context.clear_cookies()
    context.add_cookies(kept)  # type: ignore[arg-type]
    page.get_by_label("Sessions of everybody").check()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    expect(page).to_have_url(re.compile("/app/sessions$"))
    context.clear_cookies()
    context.add_cookies([cookie for cookie in kept if "refresh" in cookie["name"]])  # type: ignore[arg-type]


def test_the_second_factor_from_setting_up_to_a_recovery_code(
    plant: Plant, browser: Browser, stranger: Page
) -> None:
    plant.user("tom", "VIEWER")
    stranger.goto("/app/account")
    fill_in(stranger, "tom")
    stranger.get_by_role("button", name="Set up").click()
    dialog = stranger.get_by_role("dialog")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_alt_text("QR code")).to_be_visible()
    secret = str(dialog.locator("#secret").text_content()).replace(" ", "")
    totp = pyotp.TOTP(secret)
    dialog.get_by_label("Code that the app shows now").fill(totp.now())
    dialog.get_by_role("button", name="Turn on").click()
    codes = str(stranger.locator("#recovery-codes").text_content()).split()
    assert len(codes) == 10
    stranger.get_by_role("button", name="I have kept them").click()
    expect(stranger.get_by_text("10 recovery codes left")).to_be_visible()

    context = context_of(browser, plant)
    again = context.new_page()
    again.goto("/app/sign-in")
    fill_in(again, "tom")
    again.get_by_label("Code of your authenticator app").fill(
        totp.at(int(time.time()) + 30)
    )  # the code used before is not good twice
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_url(re.compile("/app/run$"))
    forget(context, again)
    again.goto("/app/sign-in")
    fill_in(again, "tom")
    again.get_by_role("button", name="Use a recovery code").click()
    again.get_by_label("Recovery code").fill(codes[3])
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_url(re.compile("/app/run$"))
    again.goto("/app/account")
    expect(again.get_by_text("9 recovery codes left")).to_be_visible()
    context.close()


def test_an_administrator_makes_changes_locks_out_and_removes_an_account(
    visit: Visit, page: Page
) -> None:
    page.goto("/app/users")
    page.get_by_role("button", name="New account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User name").fill("nina")
    dialog.locator("[name=password]").fill("short")
    dialog.locator("[name=role]").select_option("OPERATOR")
    dialog.get_by_role("button", name="Make the account").click()
    expect(dialog).to_be_visible()  # the browser says that it is too short
    dialog.locator("[name=password]").fill("ninaninanina")
    dialog.get_by_role("button", name="Make the account").click()
    expect(dialog.get_by_role("alert")).to_be_visible()  # the server says that it is the user name
    dialog.locator("[name=password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Make the account").click()
    row = page.locator('[data-user="nina"]')
    expect(row).to_contain_text("OPERATOR")

    row.get_by_role("button", name="Edit").click()
    dialog.locator("[name=role]").select_option("VIEWER")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("your own password")
    dialog.locator("[name=own_password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("VIEWER")

    screen = visit("/app/history", who="nina")
    row.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog").get_by_label("Disabled").check()
    page.get_by_role("dialog").locator("[name=own_password]").fill(PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Disabled")
    expect(screen).to_have_url(re.compile("/app/sign-in"))

    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").locator("[name=own_password]").fill(PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    page.goto("/app/audit")
    page.get_by_label("Action begins with").fill("user.remove")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row").filter(has_text="ada").first).to_contain_text("user.remove")
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.locator("#verified")).to_contain_text("intact")


def test_the_last_administrator_stays(page: Page) -> None:
    page.goto("/app/users")
    row = page.locator('[data-user="ada"]')
    expect(row.get_by_role("button", name="Remove")).to_have_count(0)
    row.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=role]").select_option("VIEWER")
    dialog.locator("[name=own_password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("last administrator")
    dialog.get_by_role("button", name=named("Cancel")).click()
    expect(row).to_contain_text("ADMIN")


def test_after_signing_out_nothing_is_left_in_the_browser(visit: Visit) -> None:
    screen = visit("/app/health")
    screen.evaluate(
        "localStorage.setItem('draft:synthetic-part', 'half a program');"
        " sessionStorage.setItem('x', 'y')"
    )
    screen.locator("#person summary").click()
    screen.locator("#sign-out").click()
    expect(screen).to_have_url(re.compile("/app/sign-in"))
    assert (
        screen.evaluate(
            "localStorage.getItem('draft:synthetic-part') ?? sessionStorage.getItem('x')"
        )
        is None
    )


def test_language_and_theme_stay(page: Page) -> None:
    page.goto("/app/health")
    page.locator("#person summary").click()
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(21, 32, 43)"
    page.get_by_label("Language").select_option("de")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("link", name="Verlauf")).to_be_visible()


def test_a_passkey_is_registered_opens_the_account_proves_power_and_is_removed(
    plant: Plant, browser: Browser
) -> None:
    plant.user("pia", "ADMIN")
    plant.user("theo", "VIEWER")
    # passkeys need a name
    context = context_of(browser, plant, base_url=plant.url.replace("127.0.0.1", "localhost"))
    page = context.new_page()
    complaints = quiet(page)
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasUserVerification": False,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": key})["authenticatorId"]

    page.goto("/app/account")
    fill_in(page, "pia")
    page.get_by_role("button", name="Register a passkey").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the passkey").fill("blue key")
    dialog.get_by_label(named("Password")).fill(PASSWORD)
    dialog.get_by_role("button", name="Next").click()
    codes = str(page.locator("#recovery-codes").text_content()).split()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.locator("#passkeys")).to_contain_text("blue key")

    def enter() -> None:
        forget(context, page)
        page.goto("/app/sign-in?next=/app/account")
        fill_in(page, "pia")
        expect(page.get_by_label("Recovery code")).to_be_hidden()

    enter()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(r"^[^?]*/app/account$"))
    expect(page.locator("#passkeys strong")).to_be_visible()

    page.goto("/app/users")
    page.locator('[data-user="theo"]').get_by_role("button", name="Edit").click()
    dialog.locator("[name=role]").select_option("OPERATOR")
    dialog.locator("[name=own_password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Save").click()  # the passkey proves it
    expect(page.locator('[data-user="theo"]')).to_contain_text("OPERATOR")

    # the key is lost
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": made})
    enter()
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"^[^?]*/app/account$"))
    expect(page.locator("#passkeys strong")).to_be_visible()
    assert violations(page) == []  # only now: its session ends that of the authenticator
    page.get_by_role("button", name=named("Remove")).click()
    dialog.get_by_label(named("Password")).fill(PASSWORD)
    dialog.get_by_label("Code of your authenticator app").fill(codes[1])
    dialog.get_by_role("button", name=named("Remove")).click()
    expect(page.locator("#passkeys strong")).to_have_count(0)
    forget(context, page)
    page.goto("/app/sign-in?next=/app/account")
    fill_in(page, "pia")
    expect(page).to_have_url(re.compile(r"^[^?]*/app/account$"))
    assert complaints == []
    context.close()
