"""What a person sees of faults that really happen: a tool that crashes, a camera that hangs, a
maintenance that everybody forgot. Each is injected from outside into the processes of a plant of
its own."""

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from schemas import as_program
from schemas.store.programs import Programs
from tests.browser.plant import PICTURES, Plant, context_of, overflow, quiet, signed_in
from tests.browser.story import results, some_results, trigger
from tests.browser.test_figures import HERE
from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for

SOON_MS = 60_000  # a worker is started meanwhile, on a machine that does much else
# in a worker: a null pointer is followed while the file crash is there. In the node: a station's
# clock is ahead by the seconds in the file ahead.
INJECTED = """
import pathlib, sys
folder = pathlib.Path({folder!r})
if "node.worker" in sys.orig_argv:
    import ctypes
    import node.tools.area as tool
    plain = tool.measure
    def measure(view, settings, learned):
        if (folder / "crash").exists():
            ctypes.string_at(0)
        return plain(view, settings, learned)
    tool.measure = measure
if "run" in sys.orig_argv:
    import time
    import node.station
    class Ahead:
        def __getattr__(self, name):
            return getattr(time, name)
        def monotonic(self):
            ahead = folder / "ahead"
            return time.monotonic() + (float(ahead.read_text()) if ahead.exists() else 0.0)
    node.station.time = Ahead()
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A plant whose faults are files in its folder; cam2 shows pictures of a folder there."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "sitecustomize.py").write_text(INJECTED.format(folder=str(folder)))
    pictures = folder / "parts"
    pictures.mkdir()
    for name in ("one", "two"):
        shutil.copy(next(PICTURES.glob("*.jpg")), pictures / f"{name}.jpg")
    camera = {"kind": "folder", "path": str(pictures), "order": "part_id"}
    cam2 = {"camera": camera, "worker": "thread", "program": "synthetic-part"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder}:{ROOT}:{os.environ.get('PYTHONPATH', '')}")
        made = Plant(folder, {"cam1": {"worker": "process"}, "cam2": cam2})
        try:
            yield made.start()
        finally:
            made.end()


@pytest.fixture
def shown(faulty: Plant, browser: Browser) -> Iterator[Page]:
    """A page of the administrator ada."""
    context = context_of(browser, faulty)
    signed_in(context)
    page = context.new_page()
    complaints = quiet(page)
    yield page
    assert complaints == []
    context.close()


def test_a_tool_that_follows_a_null_pointer_is_named_on_the_card_that_also_has_the_way_out(
    faulty: Plant, shown: Page
) -> None:
    some_results(faulty, 1)
    shown.goto("/app/run?station=cam1")
    card = shown.locator('[data-station="cam1"]')
    (faulty.folder / "crash").touch()
    cure = card.locator(".station-cure")
    for _ in range(20):
        some_results(faulty, 1)
        if cure.is_visible():
            break
    (faulty.folder / "crash").unlink()
    expect(cure).to_contain_text("synthetic-part version 1")
    expect(cure).to_contain_text("SIGSEGV at tool label")
    expect(card.locator(".call-note")).to_have_text("Paused: its program failed again and again")

    def crashed() -> list[str]:
        return [row["verdict"] for row in results(faulty) if row["code"] == "TOOL_CRASHED"]

    wait_for(lambda: len(crashed()) >= 3, 10, "the third result")
    assert crashed() == ["ERROR"] * 3
    cure.get_by_role("button", name="Resume").click()
    expect(cure).to_be_hidden(timeout=SOON_MS)

    def judged() -> bool:
        some_results(faulty, 1)
        return bool(results(faulty)[-1]["code"] != "PROGRAM_LOADING")

    wait_for(judged, 60, "a part that is judged")
    assert results(faulty)[-1]["code"] in (None, "PART_NOT_FOUND")


def test_a_camera_that_hangs_is_an_alarm_until_it_comes_back_and_no_longer(
    faulty: Plant, shown: Page
) -> None:
    shown.goto("/app/run?station=cam2")
    pictures = faulty.folder / "parts"
    trigger(faulty, "cam2", part_id="one")  # the folder is listed
    card = shown.locator('[data-station="cam2"]')
    expect(card.locator(".call")).to_contain_text("one", timeout=SOON_MS)
    listed = pictures.stat()
    two = pictures / "two.jpg"
    two.unlink()
    os.mkfifo(two)  # reading it waits for a writer, as a dead share does
    os.utime(pictures, ns=(listed.st_atime_ns, listed.st_mtime_ns))
    trigger(faulty, "cam2", part_id="two")
    alarms = shown.locator("#alarms")
    expect(alarms).to_contain_text("HUNG.cam2", timeout=SOON_MS)
    expect(card.locator(".call")).to_have_attribute("data-verdict", "ERROR")
    expect(card.locator(".call")).to_contain_text("took longer than its limit")
    assert overflow(shown) == 0
    os.close(os.open(two, os.O_WRONLY))
    two.unlink()
    shutil.copy(pictures / "one.jpg", two)
    expect(alarms).not_to_contain_text("HUNG.cam2", timeout=SOON_MS)
    trigger(faulty, "cam2", part_id="two")
    expect(card.locator(".call")).to_contain_text("another size", timeout=SOON_MS)


@pytest.mark.parametrize("frozen_s", [1.0, 6.5])
def test_what_a_late_activation_is_told_as_is_what_the_station_does(
    faulty: Plant, shown: Page, frozen_s: float
) -> None:
    store = Programs(faulty.node.state / "programs")
    program = store.get("synthetic-part").program
    other = as_program({**program.document(), "id": "other-part", "name": "Other part"})
    store.save(other, store.master(program), by="test")
    assert faulty.node.process is not None
    pid = faulty.node.process.pid
    goes_on = threading.Timer(frozen_s, os.kill, (pid, signal.SIGCONT))
    os.kill(pid, signal.SIGSTOP)
    goes_on.start()
    activate = "/api/v1/programs/other-part/activate"
    answer = shown.request.post(activate, data={"station": "cam1"}, headers=HERE)
    goes_on.join()
    audit = shown.request.get("/api/v1/audit?action=station.select_program&limit=2").json()["data"]
    failed = [row["action"] for row in audit["rows"]].count("station.select_program.failed")
    assert failed == (0 if answer.ok else 1)
    some_results(faulty, 1)  # what was sent before has been dealt with
    used = results(faulty)[-1]["program"]
    assert used == ("other-part" if answer.ok else "synthetic-part")
    back = activate.replace("other", "synthetic")
    assert shown.request.post(back, data={"station": "cam1"}, headers=HERE).ok


def test_a_maintenance_that_was_forgotten_ends_after_a_quarter_of_an_hour(
    faulty: Plant, shown: Page
) -> None:
    shown.goto("/app/lines")
    card = shown.locator('section[data-station="cam1"]')
    card.get_by_role("button", name="Maintenance", exact=True).click()
    shown.get_by_role("dialog").get_by_role("button", name="Begin maintenance").click()
    line = card.locator('[data-key="cam1-ng"]')
    line.click()
    expect(line).to_have_attribute("aria-pressed", "true")
    (faulty.folder / "ahead").write_text(str(14 * 60))
    shown.reload()
    expect(line).to_have_attribute("aria-pressed", "true")
    (faulty.folder / "ahead").write_text(str(15 * 60 + 1))
    said = "The maintenance of cam1 ended by itself: its lines are off, and it stays paused."
    expect(shown.locator("#toasts")).to_contain_text(said, timeout=SOON_MS)
    expect(card.locator('[data-key="cam1-begin"]')).to_be_visible()
    ng = card.get_by_role("row").filter(has_text=re.compile("Verdict NG"))
    expect(ng).to_contain_text("Inactive")
    shown.goto("/app/run?station=cam1")
    operate = shown.locator('[data-station="cam1"] .operate')
    operate.get_by_role("button", name="Resume").click()
    expect(operate.get_by_role("button", name="Pause")).to_be_visible()
