"""Programs: versions, hashes, masters by content, bundles that cannot do harm.

One file: versions, masters and bundles are one store's, and are asked of one.
"""

import gc
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import Problem, Program, StoredProgram, as_program
from schemas.store.documents import Documents
from schemas.store.programs import Change, Programs
from schemas.store.programs.store import PARSED

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100
JPG = b"\xff\xd8\xff\xe0" + b"pixels" * 100
REGION = {"x": 10, "y": 10, "width": 50, "height": 40}


def program(program_id: str = "cap", master: str | None = "master.png", **changes: Any) -> Program:
    tool = {"kind": "brightness", "name": "light", "region": REGION, "low": 10.0}
    return as_program(
        {"id": program_id, "name": "Cap", "master": master, "tools": [tool], **changes}
    )


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path / "state")


def refused(code: str, call: Callable[[], object], match: str | None = None) -> Problem:
    with pytest.raises(Problem, match=match) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def test_versions_rise_by_one_and_the_same_content_makes_none(programs: Programs) -> None:
    first = programs.save(program(), PNG, "ada")
    assert (first.version, first.saved_by, first.hash) == (1, "ada", first.program.hash)
    assert programs.save(program(), PNG, "olaf") == first
    assert programs.save(first.program, None, "olaf") == first
    second = programs.save(program(limits_ms=500), PNG, "ada", "faster")
    assert (second.version, second.note) == (2, "faster")
    assert programs.get("cap") == second
    assert programs.get("cap", 1) == first
    assert programs.versions("cap") == (first, second)
    assert [(head.id, head.version, head.hash, head.note) for head in programs.list()] == [
        ("cap", 2, second.hash, "faster")
    ]
    assert programs.head("cap") == programs.list()[0]


def test_the_master_is_named_by_its_hash_so_another_picture_is_another_program(
    programs: Programs,
) -> None:
    first = programs.save(program(), PNG, "ada")
    second = programs.save(program(), JPG, "ada")
    assert first.program.master is not None
    assert first.program.master.endswith(".png")
    assert second.program.master is not None
    assert second.program.master.endswith(".jpg")
    assert first.hash != second.hash
    assert (second.version, programs.master(first.program), programs.master(second.program)) == (
        2,
        PNG,
        JPG,
    )


def test_a_program_without_a_master_has_none(programs: Programs) -> None:
    assert programs.master(programs.save(program(master=None), None, "ada").program) is None


@pytest.mark.parametrize("name", ["master.png", "0" * 64 + ".png"])
def test_a_master_that_is_neither_given_nor_stored_is_missing(
    programs: Programs, name: str
) -> None:
    refused("MASTER_IMAGE_NOT_FOUND", lambda: programs.save(program(master=name), None, "ada"))
    refused("MASTER_IMAGE_NOT_FOUND", lambda: programs.master(program(master=name)))
    assert programs.list() == ()


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a", bytes(range(64))])
def test_a_master_must_at_least_begin_like_a_picture(programs: Programs, data: bytes) -> None:
    refused("IMAGE_INVALID", lambda: programs.save(program(), data, "ada"))


def test_a_damaged_or_deleted_master_is_told_and_repaired_by_saving_it_again(
    programs: Programs, tmp_path: Path
) -> None:
    stored = programs.save(program(), PNG, "ada").program
    file = tmp_path / "state" / "masters" / str(stored.master)
    file.write_bytes(PNG[:-1])
    refused("STORE_CORRUPT", lambda: programs.master(stored))
    file.unlink()
    refused("MASTER_IMAGE_NOT_FOUND", lambda: programs.master(stored))
    programs.save(program(), PNG, "ada")
    assert programs.master(stored) == PNG


def test_a_stale_edit_is_refused(programs: Programs) -> None:
    programs.save(program(), PNG, "ada", expect_version=0)
    refused("PROGRAM_CONFLICT", lambda: programs.save(program(), PNG, "ada", expect_version=0))
    programs.save(program(limits_ms=1), PNG, "ada", expect_version=1)
    refused(
        "PROGRAM_CONFLICT",
        lambda: programs.save(program(limits_ms=2), PNG, "olaf", expect_version=1),
    )
    refused("PROGRAM_CONFLICT", lambda: programs.delete("cap", expect_version=1))
    assert programs.get("cap").program.limits_ms == 1


def test_a_rollback_is_a_new_version_of_the_old_content(programs: Programs) -> None:
    first = programs.save(program(), PNG, "ada")
    programs.save(program(limits_ms=500), PNG, "ada")
    third = programs.rollback("cap", 1, "olaf")
    assert (third.version, third.hash, third.saved_by) == (3, first.hash, "olaf")
    assert "1" in third.note
    refused("PROGRAM_NOT_FOUND", lambda: programs.rollback("cap", 9, "olaf"))


def test_a_diff_names_the_tool_and_the_field(programs: Programs) -> None:
    tool = {"kind": "brightness", "region": REGION}
    programs.save(
        program(tools=[{**tool, "name": "a", "low": 1.0}, {**tool, "name": "b", "low": 1.0}]),
        PNG,
        "ada",
    )
    programs.save(
        program(tools=[{**tool, "name": "b", "low": 2.0}, {**tool, "name": "c", "low": 1.0}]),
        PNG,
        "ada",
    )
    changes = programs.diff("cap", 1, 2)
    assert Change("tools[b].low", 1.0, 2.0) in changes
    assert {change.path for change in changes} == {"tools[a]", "tools[b].low", "tools[c]"}
    assert programs.diff("cap", 1, 1) == []


def test_a_diff_sees_another_order(programs: Programs) -> None:
    tool = {"kind": "brightness", "region": REGION, "low": 1.0}
    programs.save(program(tools=[{**tool, "name": "a"}, {**tool, "name": "b"}]), PNG, "ada")
    programs.save(program(tools=[{**tool, "name": "b"}, {**tool, "name": "a"}]), PNG, "ada")
    assert programs.diff("cap", 1, 2) == [Change("tools", ["a", "b"], ["b", "a"])]


def test_a_deleted_program_is_gone_but_its_versions_stay_and_numbering_goes_on(
    programs: Programs,
) -> None:
    first = programs.save(program(), PNG, "ada")
    programs.delete("cap")
    refused("PROGRAM_NOT_FOUND", lambda: programs.get("cap"))
    refused("PROGRAM_NOT_FOUND", lambda: programs.delete("cap"))
    refused("PROGRAM_NOT_FOUND", lambda: programs.export("cap"))
    assert programs.list() == ()
    assert programs.get("cap", 1) == first
    assert programs.save(program(), PNG, "ada", expect_version=0).version == 2


@pytest.mark.parametrize("unknown", ["none", "../../etc/passwd", "", "\x00"])
def test_an_unknown_program_is_not_found(programs: Programs, unknown: str) -> None:
    refused("PROGRAM_NOT_FOUND", lambda: programs.get(unknown))
    refused("PROGRAM_NOT_FOUND", lambda: programs.get(unknown, 1))
    refused("PROGRAM_NOT_FOUND", lambda: programs.versions(unknown))


def test_a_poller_sees_the_change_of_another_process_once(
    programs: Programs, tmp_path: Path
) -> None:
    reader = Programs(tmp_path / "state")
    assert reader.list() == ()
    assert not reader.changed()
    programs.save(program(), PNG, "ada")
    assert reader.changed()
    assert reader.get("cap").version == 1
    assert not reader.changed()
    assert reader.get("cap") is reader.get("cap")


def test_a_damaged_file_keeps_the_programs_and_is_told(programs: Programs, tmp_path: Path) -> None:
    programs.save(program(), PNG, "ada")
    programs.save(program("lid"), PNG, "ada")
    (tmp_path / "state" / "programs.json").write_bytes(b"\x00" * 100)
    told: list[Problem] = []
    after = Programs(tmp_path / "state", told.append)
    assert [head.id for head in after.list()] == ["cap", "lid"]
    assert [problem.code for problem in told] == ["STORE_CORRUPT"]
    assert after.problem is told[0]


def test_an_export_is_deterministic_and_imports_to_the_same_hash(
    programs: Programs, tmp_path: Path
) -> None:
    stored = programs.save(program(), PNG, "ada")
    bundle = programs.export("cap")
    assert bundle == programs.export("cap", 1)
    other = Programs(tmp_path / "other")
    assert other.import_(bundle, "olaf").hash == stored.hash
    assert other.master(other.get("cap").program) == PNG
    assert other.export("cap") == bundle


def test_a_json_file_is_imported_with_the_master_beside_it(
    programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "cap.json").write_text(json.dumps(program().document()))
    refused("MASTER_IMAGE_NOT_FOUND", lambda: programs.import_(tmp_path / "cap.json", "ada"))
    (tmp_path / "master.png").write_bytes(PNG)
    stored = programs.import_(tmp_path / "cap.json", "ada")
    assert programs.master(stored.program) == PNG
    bundle = tmp_path / "cap.zip"
    bundle.write_bytes(
        zipped(
            {"cap/program.json": json.dumps(program().document()).encode(), "cap/master.png": PNG}
        )
    )
    assert programs.import_(bundle, "ada") == stored
    refused("PROGRAM_INVALID", lambda: programs.import_(tmp_path / "none.json", "ada"))
    refused("PROGRAM_INVALID", lambda: programs.import_(tmp_path, "ada"))


def zipped(
    files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED, mode: int = 0o100644
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, compression
            archive.writestr(entry, data)
    return buffer.getvalue()


GOOD = json.dumps(program(master=None).document()).encode()


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (zipped({"program.json": GOOD, "../evil.png": PNG}), "leaves"),
        (zipped({"program.json": GOOD, "a/../../evil.png": PNG}), "leaves"),
        (zipped({"program.json": GOOD, "/etc/passwd": PNG}), "leaves"),
        (zipped({"program.json": GOOD, "..\\evil.png": PNG}), "leaves"),
        (zipped({"program.json": GOOD, "C:evil.png": PNG}), "leaves"),
        (zipped({"program.json": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777), "link"),
        (zipped({"program.json": GOOD}, mode=stat.S_IFCHR | 0o666), "device"),
        (zipped({"program.json": GOOD, **{f"{n}.png": b"" for n in range(64)}}), "65 entries"),
        (zipped({"program.json": GOOD, "bomb.png": bytes(10_000_000)}), "100 times"),
        (
            zipped({"program.json": GOOD, "big.png": os.urandom(1 << 20) * 65}, zipfile.ZIP_STORED),
            "64 MiB",
        ),
        (zipped({"program.json": GOOD}, zipfile.ZIP_LZMA), "deflate"),
        (zipped({"master.png": PNG}), "0 files program.json"),
        (zipped({"a/program.json": GOOD, "b/program.json": GOOD}), "2 files program.json"),
        (zipped({"program.json": GOOD})[:-30], "cannot be read"),
        (
            zipped({"program.json": GOOD}, zipfile.ZIP_STORED).replace(b'"Cap"', b'"Lid"'),
            "cannot be read",
        ),
        (b"PK\x03\x04" + bytes(100), "cannot be read"),
        (zipped({"program.json": b'{"schema":"program/2"}'}), "newer"),
        (zipped({"program.json": b"not json"}), "not JSON"),
    ],
)
def test_a_bad_archive_is_refused_and_changes_nothing(
    programs: Programs, tmp_path: Path, archive: bytes, says: str
) -> None:
    refused("PROGRAM_INVALID", lambda: programs.import_(archive, "ada"), says)
    assert programs.list() == ()
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_one_name_twice_is_refused(programs: Programs) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("program.json", GOOD)
        archive.writestr("program.json", GOOD)
    refused("PROGRAM_INVALID", lambda: programs.import_(buffer.getvalue(), "ada"), "twice")


def test_a_newer_program_is_refused_with_a_message_that_says_so(programs: Programs) -> None:
    newer = json.dumps(
        {**program(master=None).document(), "schema": "program/2", "surprise": 1}
    ).encode()
    refused("PROGRAM_INVALID", lambda: programs.import_(newer, "ada"), "newer version")


def as_earlier_releases_stored(
    folder: Path, programs: list[list[StoredProgram]], deleted: str
) -> None:
    """All versions of all programs in one file."""
    with Documents(folder / "programs.json").change() as database:
        for versions in programs:
            for stored in versions:
                row = {"id": stored.program.id, **stored.model_dump(mode="json", by_alias=True)}
                database.table("versions").insert(row)
            program_id, newest = versions[-1].program.id, versions[-1].version
            database.table("heads").insert(
                {"id": program_id, "version": None if program_id == deleted else newest}
            )


def test_a_store_of_an_earlier_release_is_split_with_every_version_and_number(
    programs: Programs, tmp_path: Path
) -> None:
    cap = [
        programs.save(program(master=None, limits_ms=limit), None, "ada", f"{limit} ms")
        for limit in (100, 200, 300)
    ]
    lid = [programs.save(program("lid", None), None, "olaf")]
    (tmp_path / "old").mkdir()
    as_earlier_releases_stored(tmp_path / "old", [cap, lid], deleted="lid")
    after = Programs(tmp_path / "old")
    assert [(head.id, head.version, head.hash) for head in after.list()] == [
        ("cap", 3, cap[2].hash)
    ]
    assert after.versions("cap") == tuple(cap)
    assert after.get("lid", 1) == lid[0]
    refused("PROGRAM_NOT_FOUND", lambda: after.get("lid"))
    assert after.save(program("lid", None), None, "olaf").version == 2
    assert (
        after.save(program(master=None, limits_ms=400), None, "ada", expect_version=3).version == 4
    )
    assert Programs(tmp_path / "old").versions("cap")[:3] == tuple(cap)
    # the earlier release says so
    refused("STORE_NEWER", lambda: Documents(tmp_path / "old" / "programs.json").read())


def test_a_saving_that_did_not_end_leaves_no_version(programs: Programs, tmp_path: Path) -> None:
    first = programs.save(program(master=None), None, "ada")
    index = (tmp_path / "state" / "programs.json").read_bytes()
    programs.save(program(master=None, limits_ms=1), None, "ada")
    # as if the power had gone before the index was written
    (tmp_path / "state" / "programs.json").write_bytes(index)
    after = Programs(tmp_path / "state")
    assert after.get("cap") == first
    assert after.versions("cap") == (first,)
    refused("PROGRAM_NOT_FOUND", lambda: after.get("cap", 2))
    second = after.save(program(master=None, limits_ms=2), None, "olaf")
    assert (second.version, after.versions("cap")) == (2, (first, second))


def test_a_damaged_file_of_one_program_is_told_and_harms_no_other(
    programs: Programs, tmp_path: Path
) -> None:
    cap, lid = (
        programs.save(program(master=None), None, "ada"),
        programs.save(program("lid", None), None, "ada"),
    )
    file = tmp_path / "state" / "versions" / "cap.json"
    file.write_bytes(file.read_bytes()[:-20])
    after = Programs(tmp_path / "state")
    assert after.get("cap") == cap
    assert after.problem is not None
    assert "cap.json" in after.problem.message
    after.save(program(master=None, limits_ms=1), None, "ada")
    assert after.problem is None
    for copy in file.parent.glob("cap.json*"):
        copy.write_bytes(b"?")
    again = Programs(tmp_path / "state")
    refused("STORE_CORRUPT", lambda: again.get("cap"))
    assert again.get("lid") == lid
    assert [head.id for head in again.list()] == ["cap", "lid"]


def test_a_version_that_this_release_refuses_is_listed_and_told_to_who_wants_it(
    tmp_path: Path,
) -> None:
    stored = Programs(tmp_path / "new").save(program(master=None), None, "ada")
    strange = stored.model_copy(
        update={"program": stored.program.model_copy(update={"judgement": "light or"})}
    )
    (tmp_path / "old").mkdir()
    as_earlier_releases_stored(tmp_path / "old", [[strange]], deleted="")
    after = Programs(tmp_path / "old")
    assert [head.id for head in after.list()] == ["cap"]
    refused("PROGRAM_INVALID", lambda: after.get("cap"))


def test_listing_reads_the_index_and_no_program(programs: Programs, tmp_path: Path) -> None:
    for number in range(20):
        programs.save(program(f"p{number:02}", None), None, "ada")
    for file in (tmp_path / "state" / "versions").iterdir():
        file.unlink()
    heads = Programs(tmp_path / "state").list()
    assert [(head.id, head.name, head.tools) for head in heads] == [
        (f"p{number:02}", "Cap", 1) for number in range(20)
    ]
    refused("STORE_CORRUPT", lambda: programs.get("p03"))


def test_saving_one_program_touches_no_file_of_another(programs: Programs, tmp_path: Path) -> None:
    for number in range(3):
        programs.save(program(f"p{number}", None), None, "ada")
    others = [tmp_path / "state" / "versions" / f"p{number}.json" for number in (1, 2)]
    for file in others:
        file.write_bytes(b"rotten")
    assert programs.save(program("p0", None, limits_ms=500), None, "ada").version == 2
    assert [file.read_bytes() for file in others] == [b"rotten", b"rotten"]


def test_of_many_programs_that_were_read_few_stay_in_memory(programs: Programs) -> None:
    for number in range(PARSED + 8):
        programs.save(program(f"many-{number}", None), None, "ada")
    for head in programs.list():
        assert programs.get(head.id).version == 1
    gc.collect()
    there = [each for each in gc.get_objects() if isinstance(each, StoredProgram)]
    assert 0 < sum(each.program.id.startswith("many-") for each in there) <= PARSED
