"""Linear codes of one text above each other, scratched ones, and what was read only on a line or
two."""

import cv2
import numpy as np
import pytest
import zxingcpp

from node.measurement import Given
from node.tools.code import measure
from node.vision.reading.stacked import parted
from schemas import Code, Trigger
from tests.rooms.pictures.scenes import frame, region

Z = zxingcpp.BarcodeFormat
KINDS = (
    (Z.Code128, "LOT-2025-11", "code_128"),
    (Z.EAN13, "4006381333931", "ean_13"),
    (Z.Code39Std, "A1234", "code_39"),
)


def printed(form: zxingcpp.BarcodeFormat, text: str) -> np.ndarray:
    image = np.array(
        zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, form), scale=3, add_hrt=False)
    )
    return np.where((image[:, :, 0] if image.ndim == 3 else image) > 127, 235, 25).astype(np.uint8)


def count(picture: np.ndarray, *formats: str, turn_deg: float = 0) -> float:
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1)
    picture = cv2.warpAffine(
        cv2.GaussianBlur(picture, (0, 0), 0.6), turn, (width, height), borderValue=235
    )
    tool = Code(name="c", region=region(0, 0, width, height), formats=formats, low=1, high=1)
    return measure(frame(picture).view(tool.region), tool, None, Given(Trigger(), {}, {})).value


def sheet(*codes: tuple[int, int, np.ndarray]) -> np.ndarray:
    page = np.full((720, 900), 235, np.uint8)
    for x, y, code in codes:
        page[y : y + code.shape[0], x : x + code.shape[1]] = code
    return page


@pytest.mark.parametrize(("form", "text", "name"), KINDS, ids=[name for *_, name in KINDS])
def test_equal_codes_above_each_other_are_as_many_as_there_are(form, text, name):
    code = printed(form, text)
    rows = code.shape[0]
    for gap in (10, 25, 60, 110, 150):
        assert count(sheet((100, 60, code), (100, 60 + rows + gap, code)), name) == 2
    assert (
        count(
            sheet((100, 40, code), (100, 40 + rows + 12, code), (100, 40 + 2 * (rows + 12), code)),
            name,
        )
        == 3
    )
    assert count(sheet((100, 120, code), (100, 120 + rows + 30, code)), name, turn_deg=4) == 2


@pytest.mark.parametrize("wide", [4, 12, 25, 40])
def test_a_scratch_across_a_code_does_not_make_it_two(wide):
    code = printed(*KINDS[0][:2])
    scratched = sheet((100, 60, code))
    scratched[60 + 30 : 60 + 30 + wide] = 235
    assert count(scratched, "code_128") == 1


@pytest.mark.parametrize(("form", "text", "name"), KINDS, ids=[name for *_, name in KINDS])
@pytest.mark.parametrize("wide", [3, 5, 7])
def test_a_scratch_exactly_in_the_middle_does_not_make_it_two(wide, form, text, name):
    code = printed(form, text)
    rows = code.shape[0]
    for level in (235, 140, 25):
        scratched = sheet((100, 60, code))
        scratched[60 + (rows - wide) // 2 : 60 + (rows - wide) // 2 + wide] = level
        assert count(scratched, name) == 1


def test_two_digits_in_bars_of_any_print_are_no_code_unless_itf_is_named():
    page = sheet((100, 60, printed(Z.ITF, "64")))
    assert count(page) == 0
    assert count(page, "itf") == 1


def test_what_was_read_on_one_line_is_confirmed_by_the_rows_around_it():
    code = printed(*KINDS[0][:2])
    page = sheet((100, 60, code))
    right, row = 100 + code.shape[1] - 1, 60 + code.shape[0] // 2
    line = np.array([(100, row), (right, row), (right, row + 1), (100, row + 1)], float)
    assert len(parted(page, line, "LOT-2025-11", Z.Code128)) == 1
    page[row + 2 :] = 235
    page[: row - 1] = np.random.default_rng(1).integers(0, 256, (row - 1, 900), np.uint8)
    assert parted(page, line, "LOT-2025-11", Z.Code128) == []
