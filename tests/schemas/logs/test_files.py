"""Log files: put aside when they are large, removed when they are old or too many, whatever other
processes write."""

import os
import time
from pathlib import Path

import pytest

from schemas.logs.files import LogFile

LINE = b"x" * 99 + b"\n"


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("app*.log"))


def test_a_file_that_is_full_is_put_aside_and_no_line_is_lost(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "app", 1000, 30, 10**6)
    lines = [b"%03d" % n + b"." * 96 + b"\n" for n in range(35)]
    for line in lines:
        log.write(line)
    log.close()
    aside, now = files(tmp_path)[:-1], tmp_path / "app.log"
    assert [path.stat().st_size for path in aside] == [1000, 1000, 1000]
    assert b"".join(path.read_bytes() for path in [*aside, now]) == b"".join(lines)


def test_two_writers_share_a_file_and_put_it_aside_once(tmp_path: Path) -> None:
    logs = [LogFile(tmp_path, "app", 1000, 30, 10**6) for _ in range(2)]
    for n in range(40):
        logs[n % 2].write(LINE)
    for log in logs:
        log.close()
    assert sum(path.stat().st_size for path in files(tmp_path)) == 4000
    assert all(path.stat().st_size == 1000 for path in files(tmp_path))


def test_what_is_too_old_or_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "app", 1000, 30, 5000)
    for _ in range(100):
        log.write(LINE)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 5000
    old, *young = files(tmp_path)[:-1]
    month_ago = time.time() - 31 * 86400
    os.utime(old, (month_ago, month_ago))
    log.close()
    LogFile(tmp_path, "app", 1000, 30, 5000).close()
    assert files(tmp_path)[:-1] == young


def test_a_file_that_somebody_removes_is_begun_anew(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "app", 1000, 30, 5000)
    log.write(LINE)
    log.path.unlink()
    log.write(LINE)
    assert log.path.read_bytes() == LINE
    log.close()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "app.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        LogFile(tmp_path, "app", 1000, 30, 5000)
    assert not (tmp_path / "elsewhere").exists()
