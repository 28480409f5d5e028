"""What pictures are called at a target: safe for every file system, and never two alike."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from node.exports.names import name_of
from schemas import Result
from schemas.settings.exports import FIELDS, PictureExport
from tests.rooms.promise.ledgers import build

DEFAULT = PictureExport().template


def result(seq: int = 7, **given: Any) -> Result:
    times = {"captured_at": "2026-11-27T23:59:58.123Z", "finished_at": "2026-11-28T00:00:01.000Z"}
    return build("t-1")(seq).model_copy(update={**times, "part_id": "SN42", **given})


def test_a_picture_is_named_by_its_part_and_the_time_of_its_exposure_in_utc() -> None:
    assert name_of(DEFAULT, result(), "raw") == "2026-11-27/cam1/ERROR/SN42_7.jpg"
    template = "{node}/{time}_{program}_{code}_{picture}-{result_id}.jpg"
    found = name_of(template, result(result_id="r-1"), "annotated")
    assert found == "node-01/235958_none_TIMEOUT_annotated-r-1.jpg"


@pytest.mark.parametrize(
    ("part_id", "name"),
    [
        (None, "none_7"),
        ("", "none_7"),
        ("../../etc/passwd", "_.._etc_passwd_7"),
        ("..", "none_7"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j_7"),
        ("new\nline\0nul\u202eturned", "new_line_nul_turned_7"),
        ("Größe 12", "Größe_12_7"),
        (".hidden", "hidden_7"),
        ("x" * 128, "x" * 64 + "_7"),
    ],
)
def test_a_part_id_can_name_no_other_folder_and_nothing_that_a_share_refuses(
    part_id: str | None, name: str
) -> None:
    assert name_of(DEFAULT, result(part_id=part_id), "raw").split("/")[3] == f"{name}.jpg"


def test_no_level_is_a_device_of_windows() -> None:
    name = name_of("{part_id}/{result_id}.jpg", result(part_id="nul", result_id="r"), "raw")
    assert name == "_nul/r.jpg"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=128), st.text(max_size=64), st.integers(1, 10**12))
def test_whatever_ids_are_the_name_has_the_levels_of_its_template_and_fits(
    part_id: str, program: str, seq: int
) -> None:
    template = "{date}/{station}/{part_id} {program}={part_id}_{trigger_id}_{part_id}_{seq}.jpg"
    found = name_of(template, result(seq, part_id=part_id, program=program), "raw")
    levels = found.split("/")
    assert len(levels) == 3
    for level in levels:
        assert 0 < len(level.encode()) <= 200
        assert level not in (".", "..")
        assert level.strip(". ") == level
        assert level.isprintable()
        assert not set(level) & set('<>:"\\|?*\0')


def test_parts_that_look_alike_have_names_of_their_own() -> None:
    ids = ["a", "a_1", "a_1_2", "1", "", "x" * 64 + "y", "\u0416" * 64, "\u0416" * 63]
    for template in (DEFAULT, "{station}/{seq}_{part_id}_{trigger_id}.jpg", "{result_id}.jpg"):
        PictureExport(template=template)
        parts = [
            result(seq, part_id=part, trigger_id=other, result_id=f"r-{n}")
            for n, (seq, part, other) in enumerate(
                itertools.product((1, 2, 12, 112), ids, ("1", "t_2"))
            )
        ]
        names = [name_of(template, part, "raw") for part in parts]
        by_seq = {part.seq for part in parts}
        assert len(set(names)) == len(names) or by_seq == {1, 2, 12, 112}
        same = [
            (a, b)
            for (a, x), (b, y) in itertools.combinations(zip(names, parts, strict=True), 2)
            if a == b and x.seq != y.seq
        ]
        assert same == []


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{part_id}.jpg",
        "{seq}.jpg",
        "{station}/{part_id}.jpg",
        "{station}/{part_id}{seq}.jpg",
        "{station}/{seq}{part_id}.jpg",
        "{station}/{part_id}_{seq}_{trigger_id}.jpg",
        "{station}-{part_id}-{seq}.jpg",
        "{result_id}.png",
        "{result_id}",
        "/{result_id}.jpg",
        "../{result_id}.jpg",
        "a//{result_id}.jpg",
        "a/./{result_id}.jpg",
        "a/{result_id}/.jpg",
        "a\\{result_id}.jpg",
        "{result_id!r}.jpg",
        "{result_id:>99}.jpg",
        "{serial}_{result_id}.jpg",
        "{result_id}_{.jpg",
        "1/2/3/4/5/6/7/8/{result_id}.jpg",
        "ü/{result_id}.jpg",
        "{result_id}\n.jpg",
    ],
)
def test_a_template_that_could_give_two_parts_one_name_or_leaves_its_folder_is_refused(
    template: str,
) -> None:
    with pytest.raises(ValidationError):
        PictureExport(template=template)


def test_every_field_can_be_used_and_two_pictures_of_a_part_need_theirs() -> None:
    template = "/".join(f"{{{name}}}" for name in FIELDS[:7]) + "/{result_id}.jpg"
    assert PictureExport(template=template).template == template
    with pytest.raises(ValidationError, match="picture"):
        PictureExport(pictures=("raw", "annotated"))
    both = PictureExport(pictures=("raw", "annotated"), template="{picture}/{result_id}.jpg")
    assert both.pictures == ("raw", "annotated")
