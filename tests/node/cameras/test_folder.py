"""Stored pictures: orders, what is judged and what is not, the cache, and names that try to leave
the folder."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from node.cameras import Request
from node.cameras.folder import PictureFolder
from node.frame import Frame
from schemas import FolderCamera, Problem

SECOND = 1_000_000_000


def picture(level: int, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, np.full((24, 32, 3), level, np.uint8))[1].tobytes()


def opened(path: Path, order: str = "name", **settings: object) -> PictureFolder:
    made = PictureFolder(
        FolderCamera.model_validate({"path": str(path), "order": order, **settings}),
        Path("/nowhere"),
    )
    made.open()
    return made


def grab(
    folder: PictureFolder,
    part_id: str | None = None,
    limit_s: float = 5.0,
    after_ns: int | None = None,
) -> Frame:
    now_ns = time.monotonic_ns()
    return folder.grab(
        Request(now_ns if after_ns is None else after_ns, now_ns + round(limit_s * SECOND), part_id)
    )


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(Problem) as raised:
        action()
    return raised.value.code


def write_later(path: Path, data: bytes, delay_s: float = 0.05) -> None:
    """Written in place, a piece at a time, as by a slow program."""

    def work() -> None:
        time.sleep(delay_s)
        with path.open("wb") as file:
            for at in range(0, len(data), max(1, len(data) // 4)):
                file.write(data[at : at + max(1, len(data) // 4)])
                file.flush()
                time.sleep(0.01)

    threading.Thread(target=work, daemon=True).start()


class TestByName:
    def test_pictures_come_in_natural_order_and_again_from_the_first(self, tmp_path):
        for n in (10, 2, 1):
            (tmp_path / f"part-{n}.png").write_bytes(picture(n))
        folder = opened(tmp_path)
        assert [int(grab(folder).pixels[0, 0, 0]) for _ in range(4)] == [1, 2, 10, 1]
        assert folder.simulated

    def test_all_endings_are_shown_and_other_files_are_not(self, tmp_path):
        for n, ending in enumerate((".png", ".JPG", ".jpeg", ".bmp", ".webp")):
            (tmp_path / f"{n}{ending}").write_bytes(picture(50 * n, ending.lower()))
        for name in ("notes.txt", ".hidden.png", "7.png.part", "readme"):
            (tmp_path / name).write_bytes(picture(1))
        (tmp_path / "8.png").mkdir()
        os.mkfifo(tmp_path / "9.png")
        folder = opened(tmp_path)
        names = [grab(folder).source for _ in range(6)]
        assert names == [
            f"folder:{n}" for n in ("0.png", "1.JPG", "2.jpeg", "3.bmp", "4.webp", "0.png")
        ]

    def test_names_that_differ_in_case_or_zeros_only_are_all_shown(self, tmp_path):
        names = {"a1.png", "A1.png", "a01.png", "a1.jpg"}
        for name in names:
            (tmp_path / name).write_bytes(picture(9, name[-4:]))
        folder = opened(tmp_path)
        assert {grab(folder).source.removeprefix("folder:") for _ in names} == names

    def test_a_new_picture_joins_in_and_a_removed_one_is_left_out(self, tmp_path):
        for n in (1, 3):
            (tmp_path / f"{n}.png").write_bytes(picture(n))
        folder = opened(tmp_path)
        assert int(grab(folder).pixels[0, 0, 0]) == 1
        (tmp_path / "2.png").write_bytes(picture(2))
        (tmp_path / "3.png").unlink()
        assert [int(grab(folder).pixels[0, 0, 0]) for _ in range(3)] == [2, 1, 2]

    def test_a_changed_picture_is_decoded_again(self, tmp_path):
        (tmp_path / "1.png").write_bytes(picture(1))
        folder = opened(tmp_path)
        assert int(grab(folder).pixels[0, 0, 0]) == 1
        (tmp_path / "2.png").write_bytes(picture(77))
        (tmp_path / "2.png").replace(tmp_path / "1.png")
        assert int(grab(folder).pixels[0, 0, 0]) == 77

    def test_a_bad_picture_is_an_error_that_names_it_and_the_next_one_is_shown(self, tmp_path):
        (tmp_path / "1.jpg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
        (tmp_path / "2.png").write_bytes(picture(2)[:-20])
        (tmp_path / "3.png").write_bytes(picture(3))
        folder = opened(tmp_path)
        for name in ("1.jpg", "2.png"):
            with pytest.raises(Problem, match=f"IMAGE_INVALID.*{name}"):
                grab(folder)
        assert folder.problem is None
        assert int(grab(folder).pixels[0, 0, 0]) == 3

    def test_gray_pictures_stay_gray(self, tmp_path):
        cv2.imwrite(str(tmp_path / "1.png"), np.full((24, 32), 5, np.uint8))
        assert grab(opened(tmp_path)).pixels.shape == (24, 32)


class TestByPartId:
    def test_the_picture_of_the_part_is_shown(self, tmp_path):
        for n in range(3):
            (tmp_path / f"SN.{n}.png").write_bytes(picture(n))
        folder = opened(tmp_path, "part_id")
        assert [int(grab(folder, f"SN.{n}").pixels[0, 0, 0]) for n in (2, 0, 2)] == [2, 0, 2]

    @pytest.mark.parametrize(
        "part_id", ["../secret", "/etc/passwd", "in/1", "..", ".", "*", "1\\..", "x" * 128, "1.png"]
    )
    def test_a_part_id_never_leaves_the_folder(self, tmp_path, part_id):
        inside = tmp_path / "pictures"
        (inside / "in").mkdir(parents=True)
        for path in (tmp_path / "secret.png", inside / "in" / "1.png", inside / "1.png"):
            path.write_bytes(picture(1))
        with pytest.raises(Problem, match=r"CAMERA_ERROR.*no pictures of part"):
            grab(opened(inside, "part_id"), part_id)

    def test_no_part_id_and_two_pictures_of_one_part_are_errors(self, tmp_path):
        for name in ("1.png", "1.jpg"):
            (tmp_path / name).write_bytes(picture(1, name[1:]))
        folder = opened(tmp_path, "part_id")
        assert code_of(lambda: grab(folder)) == "CAMERA_ERROR"
        assert code_of(lambda: grab(folder, "1")) == "CAMERA_ERROR"

    def test_a_picture_that_has_just_come_is_found(self, tmp_path):
        (tmp_path / "1.png").write_bytes(picture(1))
        folder = opened(tmp_path, "part_id")
        for n in range(2, 30):
            (tmp_path / f"{n}.png").write_bytes(picture(n))
            assert int(grab(folder, str(n)).pixels[0, 0, 0]) == n


class TestNewest:
    def test_a_picture_of_before_the_trigger_is_never_judged(self, tmp_path):
        (tmp_path / "old.png").write_bytes(picture(1))
        folder = opened(tmp_path, "newest")
        assert not folder.simulated
        time.sleep(0.02)  # the clock of the file system lags by a tick
        with pytest.raises(Problem, match=r"CAMERA_TIMEOUT.*written after the trigger"):
            grab(folder, limit_s=0.2)

    def test_the_picture_written_after_the_trigger_is_waited_for_until_it_is_whole(self, tmp_path):
        folder = opened(tmp_path, "newest")
        slope = np.dstack(
            [np.tile(np.arange(320) // 2 + shift, (240, 1)) for shift in (0, 30, 60)]
        ).astype(np.uint8)
        for n, ending in enumerate((".png", ".jpg", ".bmp", ".webp")):
            write_later(tmp_path / f"{n}{ending}", cv2.imencode(ending, slope)[1].tobytes())
            asked_ns = time.monotonic_ns()
            frame = grab(folder)
            assert frame.source == f"folder:{n}{ending}"
            assert asked_ns < frame.exposed_ns <= time.monotonic_ns()
            # the last rows are there, too
            assert np.abs(frame.pixels.astype(int) - slope)[-8:].mean() < 4

    def test_one_file_written_again_and_again_is_a_new_picture_each_time(self, tmp_path):
        folder = opened(tmp_path, "newest")
        for n in range(3):
            write_later(tmp_path / "latest.png", picture(10 + n))
            assert int(grab(folder).pixels[0, 0, 0]) == 10 + n

    def test_a_picture_is_shown_once_and_two_triggers_get_theirs_in_order(self, tmp_path):
        folder = opened(tmp_path, "newest")
        after_ns = time.monotonic_ns()
        time.sleep(0.02)
        (tmp_path / "b.png").write_bytes(picture(1))
        time.sleep(0.02)
        (tmp_path / "a.png").write_bytes(picture(2))
        assert [int(grab(folder, after_ns=after_ns).pixels[0, 0, 0]) for _ in range(2)] == [1, 2]
        assert code_of(lambda: grab(folder, after_ns=after_ns, limit_s=0.1)) == "CAMERA_TIMEOUT"

    def test_a_picture_that_never_becomes_whole_is_a_timeout_that_names_it(self, tmp_path):
        folder = opened(tmp_path, "newest")
        write_later(tmp_path / "half.png", picture(1)[:-20])
        with pytest.raises(Problem, match=r"CAMERA_TIMEOUT.*half.png"):
            grab(folder, limit_s=0.4)

    def test_a_time_in_the_future_is_not_believed(self, tmp_path):
        (tmp_path / "1.png").write_bytes(picture(1))
        os.utime(tmp_path / "1.png", (time.time() + 3600, time.time() + 3600))
        assert code_of(lambda: grab(opened(tmp_path, "newest"), limit_s=0.1)) == "CAMERA_TIMEOUT"


class TestOpening:
    @pytest.mark.parametrize("order", ["name", "part_id", "newest"])
    def test_a_missing_folder_is_not_found_until_it_is_there(self, tmp_path, order):
        folder = PictureFolder(FolderCamera(path="pictures", order=order), tmp_path)
        assert code_of(folder.open) == "CAMERA_NOT_FOUND"
        assert folder.problem is not None
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "1.png").write_bytes(picture(1))
        folder.open()
        assert folder.problem is None

    def test_an_empty_folder_is_not_found_but_newest_waits(self, tmp_path):
        assert code_of(lambda: opened(tmp_path)) == "CAMERA_NOT_FOUND"
        assert opened(tmp_path, "newest").problem is None

    @pytest.mark.parametrize("order", ["name", "part_id", "newest"])
    def test_a_folder_that_goes_away_is_told_and_comes_back(self, tmp_path, order):
        path = tmp_path / "pictures"
        path.mkdir()
        (path / "1.png").write_bytes(picture(1))
        folder = opened(path, order)
        path.rename(tmp_path / "gone")
        assert code_of(lambda: grab(folder, "1")) == "CAMERA_NOT_FOUND"
        assert folder.problem is not None
        (tmp_path / "gone").rename(path)
        folder.open()
        assert folder.problem is None


class TestCache:
    def test_a_picture_is_decoded_once(self, tmp_path):
        (tmp_path / "1.png").write_bytes(picture(1))
        folder = opened(tmp_path)
        assert grab(folder).pixels is grab(folder).pixels

    def test_the_cache_keeps_within_its_bound_and_shows_everything(self, tmp_path):
        for n in range(8):
            # 0.75 MB each
            cv2.imwrite(str(tmp_path / f"{n}.bmp"), np.full((500, 500, 3), n, np.uint8))
        folder = opened(tmp_path, cache_mb=2)
        for n in range(24):
            assert int(grab(folder).pixels[0, 0, 0]) == n % 8
            assert (
                folder._cache._bytes
                == sum(pixels.nbytes for _, pixels in folder._cache._kept.values())
                <= 2_000_000
            )

    def test_no_cache_shows_everything_too(self, tmp_path):
        for n in range(3):
            (tmp_path / f"{n}.png").write_bytes(picture(n))
        folder = opened(tmp_path, cache_mb=0)
        assert [int(grab(folder).pixels[0, 0, 0]) for _ in range(4)] == [0, 1, 2, 0]
