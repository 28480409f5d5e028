"""Screenshots of every page, for the gallery: `python -m tests.browser.shots [FOLDER]`, part of
`make gallery`."""

import sys
import tempfile
from pathlib import Path

from tests.browser.plant import Plant, chromium, context_of, signed_in
from tests.browser.story import a_result, some_results
from tests.gallery.page import Card, Section, Shot, build, save
from web.pages import PAGES, Page

LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"phone": True}}
SETTLED_MS = 1200  # by then pictures and charts are drawn; nothing but the look depends on it


def make(folder: Path) -> list[Section]:
    """Put them all into the folder: every page in every look."""
    with tempfile.TemporaryDirectory() as state, chromium() as browser:
        plant = Plant(Path(state))
        try:
            plant.start()
            some_results(plant, 25)
            parts = {
                "<id>": "synthetic-part",
                "<result_id>": a_result(plant, "NG"),
                "<guide>": "plc",
            }
            cards = []
            for page in PAGES:
                if page.name == "setup":  # it is there only while there is no account
                    continue
                shots = []
                for look, options in LOOKS.items():
                    context = context_of(browser, plant, **options)  # type: ignore[arg-type]
                    if page.level != "PUBLIC":
                        signed_in(context)
                    shown = context.new_page()
                    shown.goto(_path(page, parts))
                    shown.wait_for_timeout(SETTLED_MS)
                    file = f"page-{page.path.strip('/').replace('/', '-').translate({ord(c): None for c in '<>'})}-{look}.png"  # noqa: E501
                    shown.screenshot(path=folder / file)
                    shots.append(Shot(file, look))
                    context.close()
                cards.append(Card(page.title, f"/app{page.path}, for {page.level}", tuple(shots)))
        finally:
            plant.end()
    return [
        Section(
            "Pages", "Every page on a desktop, in dark, and on a phone.", tuple(cards), order=100
        )
    ]


def _path(page: Page, parts: dict[str, str]) -> str:
    path = f"/app{page.path}"
    for name, value in parts.items():
        path = path.replace(name, value)
    return path


if __name__ == "__main__":
    into = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery")
    into.mkdir(parents=True, exist_ok=True)
    save(into, "pages", make(into))
    print(build(into))
