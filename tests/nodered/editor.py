"""What a person sees of our module in the editor of a real Node-RED: node, icon, help, form."""

from pathlib import Path

import cv2
import numpy as np

from tests.browser.plant import chromium

TYPE = "inspection-inspect"
LIMIT_MS = 60_000
SETTLED_MS = 1200  # by then what slides has slid; nothing but the look depends on it
ICON = "fa-eye"
HELP_WORDS = ("OK", "NG", "ERROR", "LIMIT_S", "plc")
FORM = ("the broker", "the inspection node's id", "the station of that node", "seconds after")
SIZE = {"width": 1420, "height": 640}
QUALITY = 60


def seen(url: str, ours: str, picture: Path | None) -> str:
    """Look at the Inspect with that id, and take a picture; returns what was there. Raises
    AssertionError."""
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(LIMIT_MS)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        node = page.locator(f'.red-ui-palette-node[data-palette-type="{TYPE}"]')
        node.wait_for()
        label = node.inner_text().strip()
        assert label == "Inspect", label
        icon = str(
            node.locator(".red-ui-palette-icon, .red-ui-palette-icon-fa").first.get_attribute(
                "class"
            )
        )
        assert ICON in icon, icon
        told = page.evaluate(f"RED.nodes.getNodeHelp('{TYPE}') || ''")
        lacking = [word for word in HELP_WORDS if word not in told]
        assert not lacking, f"the help lacks {lacking}: {told[:200]}"
        page.evaluate(f"RED.editor.edit(RED.nodes.node('{ours}'))")
        form = page.locator(".red-ui-tray-body").last
        form.wait_for()
        page.wait_for_timeout(SETTLED_MS)
        lacking = [label for label in FORM if label not in form.inner_text()]
        assert not lacking, f"the form lacks {lacking}: {form.inner_text()[:300]}"
        page.locator("#node-dialog-cancel").click()
        page.wait_for_timeout(SETTLED_MS)
        page.evaluate(f"RED.sidebar.help.show('{TYPE}'); RED.view.select({{nodes: []}})")
        page.get_by_placeholder("filter nodes").press_sequentially("inspect")
        page.wait_for_timeout(SETTLED_MS)
        if picture is not None:
            _save(page.screenshot(), picture)
    assert not wrong, wrong
    return f"{label!r} with icon {ICON}, {len(told)} characters of help, {len(FORM)} settings"


def _save(png: bytes, picture: Path) -> None:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    made = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1]
    picture.write_bytes(made.tobytes())
