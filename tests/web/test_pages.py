"""The pages: who gets which, in which language, with nothing inline, and with everything they load
under a stable name."""

import gzip
import json
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.rooms.people.people import SAME, account, application, sign_in
from web.assets import EXTENSION, FOLDER
from web.pages import PAGES
from web.translations import LANGUAGES, UNREVIEWED
from web.vocabulary import missing, stale, texts

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    made = application(tmp_path_factory.mktemp("pages"))
    for name, role in (("vera", "VIEWER"), ("olga", "OPERATOR"), ("ada", "ADMIN")):
        account(made, name, role)  # type: ignore[arg-type]
    return made


def browser(app: Flask, name: str | None = None) -> FlaskClient:
    client = app.test_client()
    if name is not None:
        assert sign_in(client, name, tokens=False).status_code == 200
    return client


def path_of(path: str) -> str:
    return "/app" + re.sub(r"<\w+>", "some", path.replace("<guide>", "plc"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_has_a_heading_a_title_and_loads_only_what_is_there(app: Flask, page) -> None:  # type: ignore[no-untyped-def]
    client = browser(app, None if page.level == "PUBLIC" else "ada")
    answer = client.get(path_of(page.path), headers=HTML)
    if page.name == "setup":  # there are accounts
        assert answer.location == "/app/sign-in"
        return
    assert answer.status_code == 200
    assert len(re.findall(r"<h1\b", answer.text)) == 1
    assert "<title>" in answer.text
    found = app.extensions[EXTENSION].files
    loaded = re.findall(r'(?:src|href)="/static/\w+/([^"]+)"', answer.text)
    if page.name != "guide":  # a text, which does nothing
        assert f"js/pages/{page.name}.js" in loaded
    assert set(loaded) <= set(found)


@pytest.mark.parametrize(
    "path", sorted((Path(FOLDER).parent / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_no_template_holds_anything_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|javascript:|<style", text)
    assert all(
        'type="application/json"' in tag or "src=" in tag
        for tag in re.findall(r"<script[^>]*>", text)
    )
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.js")), ids=lambda path: path.name)
def test_no_module_makes_html_from_text_or_loads_what_is_not_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org)",
        text,
    )
    for name in re.findall(r"""(?:from|import\()\s*["'](\.[^"']+)["']""", text):
        assert (path.parent / name).resolve().exists(), name


def test_a_stranger_is_sent_to_sign_in_and_back(app: Flask) -> None:
    answer = browser(app).get("/app/history?verdict=NG&station=cam1", headers=HTML)
    assert answer.status_code == 302
    assert answer.location == "/app/sign-in?next=%2Fapp%2Fhistory%3Fverdict%3DNG%26station%3Dcam1"


def test_the_first_visitor_is_shown_how_to_make_the_first_account(tmp_path: Path) -> None:
    made = application(tmp_path)
    client = made.test_client()
    for path in ("/app/run", "/app/programs/new", "/app/sign-in"):
        assert client.get(path, headers=HTML).location == "/app/setup", path
    assert client.get("/", headers=HTML).location == "/app/run"
    assert client.get("/app/setup", headers=HTML).status_code == 200
    assert client.get("/api/v1/auth/me").status_code == 401, "programs are told as ever"
    account(made, "ada", "ADMIN")
    assert client.get("/app/run", headers=HTML).location == "/app/sign-in?next=%2Fapp%2Frun"
    assert client.get("/app/sign-in", headers=HTML).status_code == 200


def test_who_may_not_see_a_page_is_told_so_and_does_not_find_it_in_the_menu(app: Flask) -> None:
    client = browser(app, "vera")
    answer = client.get("/app/users", headers=HTML)
    assert answer.status_code == 403
    assert "PERMISSION_DENIED" in answer.text
    menu = client.get("/app/run", headers=HTML).text
    assert 'href="/app/history"' in menu
    assert 'href="/app/users"' not in menu
    assert 'href="/app/users"' in browser(app, "ada").get("/app/run", headers=HTML).text


def test_a_page_that_does_not_exist_is_a_page_too(app: Flask) -> None:
    answer = browser(app, "vera").get("/app/nowhere", headers=HTML)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert browser(app).get("/api/v1/nowhere", headers=HTML).mimetype == "application/json"


def test_the_root_is_the_app_for_browsers_and_a_document_for_others(app: Flask) -> None:
    assert browser(app).get("/", headers=HTML).location == "/app/run"
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        assert browser(app).get("/", headers=headers).json["status"] == "running"  # type: ignore[index]


def test_the_language_is_the_one_chosen_else_the_browsers(app: Flask) -> None:
    client = browser(app)
    german = client.get(
        "/app/sign-in", headers={**HTML, "Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    )
    assert '<html lang="de"' in german.text
    assert "Anmelden" in german.text
    assert (
        '<html lang="en"'
        in client.get("/app/sign-in", headers={**HTML, "Accept-Language": "fr"}).text
    )
    client.set_cookie("language", "de")
    assert (
        '<html lang="de"'
        in client.get("/app/sign-in", headers={**HTML, "Accept-Language": "en"}).text
    )
    client.set_cookie("language", "../../etc")
    assert '<html lang="en"' in client.get("/app/sign-in", headers=HTML).text


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_a_catalogue_has_every_text_and_no_other_with_the_same_gaps(language: str) -> None:
    if language in UNREVIEWED:
        assert len(missing(language)) < len(texts()) / 2, "whoever chooses it shall read it"
    else:
        assert missing(language) == [], "python -m web.vocabulary tells what is missing"
        assert stale(language) == []
    found = json.loads((FOLDER / "words" / f"{language}.json").read_text(encoding="utf-8"))
    gap = re.compile(r"\{(\w+)\}")

    def gaps(text: str) -> set[tuple[str, ...]]:
        """Each form: for one, for more, or as many as a language has."""
        return {tuple(sorted(gap.findall(form))) for form in text.split(" | ")}

    wrong = {text: said for text, said in found.items() if gaps(text) != gaps(said)}
    assert wrong == {}
    assert len(texts()) > 300


def test_assets_are_kept_for_a_year_and_named_by_what_is_in_them(app: Flask) -> None:
    client = browser(app)
    url = app.extensions[EXTENSION].url("css/app.css")
    answer = client.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.mimetype == "text/css"
    assert answer.data == (FOLDER / "css/app.css").read_bytes()
    squeezed = client.get(url, headers={"Accept-Encoding": "br, gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(squeezed.data) == answer.data
    assert client.get(url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    old = client.get("/static/000000000000/css/app.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    for name in ("../pages.py", "css/../../app.py", "%2e%2e/app.py", "css", "nothing.js"):
        assert client.get(f"/static/x/{name}").status_code == 404, name


def test_answers_are_compressed_for_who_takes_it(app: Flask) -> None:
    client = browser(app, "ada")
    for path in ("/api/v1/openapi.json", "/app/run"):
        whole = client.get(path, headers=HTML)
        assert "Content-Encoding" not in whole.headers
        squeezed = client.get(path, headers={**HTML, "Accept-Encoding": "gzip"})
        assert squeezed.headers["Content-Encoding"] == "gzip"
        assert len(squeezed.data) < len(whole.data) / 2
        assert "Accept-Encoding" in squeezed.headers["Vary"]
    assert (
        "Content-Encoding"
        not in client.get("/api/v1/health/live", headers={"Accept-Encoding": "gzip"}).headers
    )
    assert (
        "Content-Encoding"
        not in client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip;q=0"}).headers
    )


def test_the_first_page_is_small(app: Flask) -> None:
    """Everything that a browser loads for the Run page, compressed: the budget is 150 kB."""
    client = browser(app, "ada")
    squeeze = {**HTML, "Accept-Encoding": "gzip"}
    total = len(client.get("/app/run", headers=squeeze).data)
    tree = app.extensions[EXTENSION].tree
    page = client.get("/app/run", headers=HTML).text
    german = client.get("/app/run", headers={**HTML, "Accept-Language": "de"}).text
    [words] = re.findall(rf'"words": "/static/{tree}/([^"]+)"', german)
    waiting = set(re.findall(rf'(?:src|href)="/static/{tree}/([^"]+)"', page)) | {words}
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        answer = client.get(f"/static/{tree}/{name}", headers=squeeze)
        total += len(answer.data)
        if name.endswith(".js"):
            text = (FOLDER / name).read_text(encoding="utf-8")
            inner = re.findall(r"""from\s+["'](\.[^"']+)["']""", text)
            found = {
                ((FOLDER / name).parent / one).resolve().relative_to(FOLDER.resolve()).as_posix()
                for one in inner
            }
            waiting |= found - done
    assert len(done) > 8
    assert "words/de.few.json" in done
    assert total < 150_000


def test_forms_have_the_sentences_of_their_fields_and_other_pages_load_without_them(
    app: Flask,
) -> None:
    client = browser(app, "ada")
    tree = app.extensions[EXTENSION].tree
    whole, few = (
        json.loads(client.get(f"/static/{tree}/words/{name}.json").data)
        for name in ("de", "de.few")
    )
    assert whole == json.loads((FOLDER / "words" / "de.json").read_text(encoding="utf-8"))
    left_out = set(whole) - set(few)
    assert 300 < len(left_out) < 600
    scripts = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.js")]
    assert [text for text in left_out if any(f't("{text}")' in one for one in scripts)] == []
    for path, name in (("settings", "de"), ("programs/new", "de"), ("history", "de.few")):
        page = client.get(f"/app/{path}", headers={**HTML, "Accept-Language": "de"}).text
        assert f"/words/{name}.json" in page, path


def test_a_page_is_not_kept_by_the_browser_and_says_nothing_of_others(app: Flask) -> None:
    answer = browser(app, "vera").get("/app/run", headers={**HTML, **SAME})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    data = json.loads(re.search(r'id="page">(.*?)</script>', answer.text, re.S)[1])  # type: ignore[index]
    assert data["person"]["username"] == "vera"
    said, _, guide = answer.text.partition('<aside class="help"')  # a guide speaks of tokens
    assert "token" not in said
    assert "token" not in guide.partition("</aside>")[2]


def test_the_notice_of_the_site_stands_before_signing_in_and_nowhere_after(tmp_path: Path) -> None:
    notice = "Only for staff of plant 3.\n<b>What is done here</b> is recorded."
    app = application(tmp_path, notice=notice)
    for page in ("/app/setup", "/app/sign-in"):
        if page == "/app/sign-in":
            account(app, "vera")
        text = app.test_client().get(page).text
        assert "Only for staff of plant 3." in text
        assert "&lt;b&gt;What is done here&lt;/b&gt; is recorded." in text
    client = app.test_client()
    sign_in(client, "vera")
    assert "Only for staff" not in client.get("/app/run").text
