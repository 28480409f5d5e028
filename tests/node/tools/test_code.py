"""Code: published pictures are read, also inverted, askew, faint and small; what is not a code is
not read; texts are compared.

One file: a tool has one test, and this one reads many formats.
"""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from node.frame import Pixels, Placement
from node.measurement import Given, Measurement
from node.tools.code import measure
from node.vision.reading.spellings import full_ascii
from node.vision.reading.text_match import shown
from schemas import Code, Problem, Trigger
from schemas.geometry import Circle, Polygon
from tests.rooms.pictures.scenes import frame, region

pytestmark = pytest.mark.slow

PICTURES = Path(__file__).parents[2] / "data" / "codes"
CODES = sorted(
    path
    for path in PICTURES.iterdir()
    if path.with_suffix(".txt").is_file() and path.suffix in (".png", ".webp")
)
EASY = [path for path in CODES if path.stem != "ean13-34"]  # which zxing-cpp alone does not read


def picture(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)


def text_of(path: Path) -> str:
    return path.with_suffix(".txt").read_text("utf-8")


def drawn(
    content: str | bytes,
    kind: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.QRCode,
    scale: int = 4,
) -> Pixels:
    code = zxingcpp.create_barcode(content, kind)
    return np.array(zxingcpp.write_barcode_to_image(code, scale=scale), np.uint8)


def on_plate(
    code: Pixels, x: int, y: int, width: int = 400, height: int = 300, level: int = 255
) -> Pixels:
    plate = np.full((height, width), level, np.uint8)
    plate[y : y + code.shape[0], x : x + code.shape[1]] = code
    return plate


def read(pixels: Pixels, trigger: Trigger | None = None, **changes) -> Measurement:  # type: ignore[no-untyped-def]
    given = {
        "name": "label",
        "region": region(0, 0, pixels.shape[1], pixels.shape[0]),
        "low": 1.0,
    } | changes
    tool = Code(**given)
    view = frame(np.array(pixels)).view(tool.region, ignore=tool.ignore)
    return measure(view, tool, None, Given(trigger or Trigger(), {}, {}))


@pytest.mark.parametrize("path", CODES, ids=lambda path: path.stem)
def test_published_pictures_are_read(path: Path) -> None:
    found = read(picture(path), expected=text_of(path))
    assert (found.value, found.text) == (1, text_of(path))


def test_a_picture_that_zxing_alone_cannot_read_is_read() -> None:
    path = PICTURES / "ean13-34.webp"
    assert zxingcpp.read_barcodes(picture(path)) == []
    assert read(picture(path), effort="fast").value == 0
    assert read(picture(path)).text == text_of(path)


@pytest.mark.parametrize("path", EASY, ids=lambda path: path.stem)
def test_light_on_dark_is_read(path: Path) -> None:
    assert read(255 - picture(path)).text == text_of(path)


@pytest.mark.parametrize("path", EASY, ids=lambda path: path.stem)
def test_ten_gray_levels_are_enough(path: Path) -> None:
    faint = np.rint(picture(path) * 0.04 + 120).astype(np.uint8)
    assert zxingcpp.read_barcodes(faint) == []
    assert read(faint).text == text_of(path)


@pytest.mark.parametrize("angle_deg", [15, 30, 45, -60])
def test_a_linear_code_that_lies_askew_is_read(angle_deg: float) -> None:
    code = drawn("L3-000123", zxingcpp.BarcodeFormat.Code128, 2)[:80]
    plate = on_plate(code, 60, 160, 400, 400)
    turned = cv2.warpAffine(
        plate, cv2.getRotationMatrix2D((199.5, 199.5), angle_deg, 1), (400, 400), borderValue=(255,)
    )
    assert read(np.asarray(turned, np.uint8)).text == "L3-000123"


@pytest.mark.parametrize("path", sorted(PICTURES.glob("nothing-*")), ids=lambda path: path.stem)
@pytest.mark.parametrize("change", ["none", "inverted", "faint", "small", "turned"])
def test_nothing_is_read_where_there_is_no_code(path: Path, change: str) -> None:
    pixels = picture(path)
    changed = {
        "none": lambda: pixels,
        "inverted": lambda: 255 - pixels,
        "faint": lambda: np.rint(pixels * 0.1 + 100).astype(np.uint8),
        "small": lambda: cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "turned": lambda: np.ascontiguousarray(np.rot90(pixels)),
    }[change]()
    found = read(np.asarray(changed, np.uint8))
    assert (found.value, found.text, found.marks()) == (0, None, ())


def test_noise_is_no_code() -> None:
    rng = np.random.default_rng(3)
    for spread in (2, 10, 60):
        assert (
            read(np.clip(rng.normal(128, spread, (240, 320)), 0, 255).astype(np.uint8)).value == 0
        )


def test_another_text_than_the_expected_is_not_counted_but_shown() -> None:
    found = read(drawn("LOT-4712"), expected="LOT-4711")
    assert (found.value, found.text) == (0, "LOT-4712")


@pytest.mark.parametrize(
    ("pattern", "value"), [(r"LOT-\d{4}", 1), (r"LOT-\d{3}", 0), (r"(LOT|SN)-.+", 1), (r"\d+", 0)]
)
def test_the_whole_text_must_match_the_pattern(pattern: str, value: int) -> None:
    assert read(drawn("LOT-4711"), pattern=pattern).value == value


def test_the_trigger_says_what_must_be_read() -> None:
    code = drawn("SN42")
    assert read(code, Trigger(part_id="SN42"), match="part_id").value == 1
    assert read(code, Trigger(part_id="SN43"), match="part_id").value == 0
    assert read(code, Trigger(meta={"serial": "SN42"}), match="meta.serial").value == 1
    assert read(drawn("42"), Trigger(meta={"serial": 42}), match="meta.serial").value == 1


@pytest.mark.parametrize(
    "meta", [None, {}, {"serial": None}, {"serial": True}, {"serial": ["SN42"]}, {"serial": ""}]
)
def test_a_trigger_that_does_not_say_it_is_a_problem(meta: dict[str, object] | None) -> None:
    with pytest.raises(Problem, match="NO_VALUE"):
        read(drawn("SN42"), Trigger(meta=meta), match="meta.serial")


def test_several_codes_are_counted_each_once() -> None:
    plate = on_plate(drawn("one"), 10, 10)
    for number, (x, y) in enumerate([(150, 10), (280, 10), (10, 160)]):
        code = drawn(f"code {number}" if number else "one")
        plate[y : y + code.shape[0], x : x + code.shape[1]] = code
    found = read(plate, low=4.0)
    assert found.value == 4
    assert sorted((found.text or "").split(", ")) == ["code 1", "code 2", "one", "one"]
    assert len(found.marks()) == 4
    assert read(plate, low=4.0, pattern="code .").value == 2


def test_only_the_formats_asked_for_are_read() -> None:
    assert read(drawn("SN42"), formats=("data_matrix", "code_128")).value == 0
    assert read(drawn("SN42"), formats=("qr",)).value == 1


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\xff\xfe\x80abc", "ÿþ\\x80abc"),
        (b"a\x00b", "a\\x00b"),
        (b"01\x1d02\r\n", "01\\x1d02\\r\\n"),
    ],
)
def test_what_cannot_be_printed_is_escaped_and_can_be_expected_so(
    content: bytes, shown: str
) -> None:
    assert read(drawn(content)).text == shown
    assert read(drawn(content), expected=shown).value == 1


def test_a_long_text_is_cut_in_the_result_but_compared_whole() -> None:
    content = "0123456789" * 150
    found = read(drawn(content), expected=content)
    assert found.value == 1
    assert found.text is not None
    assert len(found.text) <= 1000


def test_the_marks_lie_around_the_code_also_on_a_part_that_is_turned() -> None:
    code = drawn("SN42")
    size = code.shape[0]
    plate = on_plate(code, 150, 100)
    matrix = cv2.getRotationMatrix2D((200, 150), -20, 1)  # clockwise on screen by 20 degrees
    turned = np.asarray(cv2.warpAffine(plate, matrix, (400, 300), borderValue=(255,)), np.uint8)
    tool = Code(name="label", region=region(140, 90, size + 20, size + 20), low=1)
    view = frame(turned).view(tool.region, Placement(0, 0, 20, 1, 200, 150))
    (mark,) = measure(view, tool, None, Given(Trigger(), {}, {})).marks()
    middle = matrix @ [150 + (size - 1) / 2, 100 + (size - 1) / 2, 1]
    assert mark.points.mean(axis=0) == pytest.approx(middle, abs=2)


def test_a_code_that_does_not_count_is_not_read() -> None:
    code = drawn("SN42")
    plate = on_plate(code, 20, 20)
    other = drawn("SN43")
    plate[20 : 20 + other.shape[0], 220 : 220 + other.shape[1]] = other
    size = code.shape[0]
    assert read(plate, ignore=(region(215, 15, size + 10, size + 10),)).text == "SN42"
    around = Circle(x=20 + size / 2, y=20 + size / 2, radius=20 + size / 2 - 0.5)
    assert read(plate, region=around).text == "SN42"
    triangle = Polygon.model_validate(
        {
            "points": [
                {"x": 215, "y": 5},
                {"x": 399, "y": 5},
                {"x": 399, "y": 250},
                {"x": 215, "y": 250},
            ]
        }
    )
    assert read(plate, region=triangle).text == "SN43"


def test_the_grade_falls_with_contrast_and_blur() -> None:
    plate = on_plate(drawn("grade of readability"), 40, 40)
    crisp = read(plate, value="grade").value
    faint = read(np.rint(plate * 0.3 + 90).astype(np.uint8), value="grade").value
    blurred = read(np.asarray(cv2.GaussianBlur(plate, (0, 0), 2.2), np.uint8), value="grade").value
    assert crisp == 4
    assert faint == 1
    assert blurred < crisp
    assert read(plate, value="grade", expected="another").value == 0
    assert (
        read(
            255 - on_plate(drawn("123", zxingcpp.BarcodeFormat.Code128), 40, 40), value="grade"
        ).value
        <= 2
    )


def test_a_damaged_code_has_a_lower_grade() -> None:
    code = drawn("grade of readability and more text", scale=6)
    size = code.shape[0]
    damaged = code.copy()
    damaged[size // 2 : size // 2 + 40, size // 2 : size // 2 + 40] = 255
    assert read(damaged, value="grade").value < read(code, value="grade").value


@pytest.mark.parametrize("gray", [0, 90, 255])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: int) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        read(np.full((100, 100), gray, np.uint8))


def test_a_region_too_small_for_a_code_is_a_problem() -> None:
    pixels = np.arange(36, dtype=np.uint8).reshape(6, 6)
    with pytest.raises(Problem, match="REGION_INVALID"):
        read(pixels)


@pytest.mark.parametrize(
    "changes",
    [
        {"expected": "a", "pattern": "a"},
        {"pattern": "(a"},
        {"pattern": "a**"},
        {"match": "meta."},
        {"match": "serial"},
        {"formats": ("barcode",)},
        {"expected": ""},
    ],
)
def test_bad_settings_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Code(**({"name": "label", "region": region(0, 0, 50, 50), "low": 1.0} | changes))


def test_the_least_number_is_rounded_up_when_looking_again() -> None:
    assert math.ceil(0.5) == read(drawn("SN42"), low=0.5).value


def dots(module_px: int, fill: float, jitter_px: float, light: bool, seed: int = 1) -> Pixels:
    """A Data Matrix of separate dots, `fill` of a module across, as a needle or a laser leaves
    them."""
    code = zxingcpp.create_barcode("LOT-2025-11", zxingcpp.BarcodeFormat.DataMatrix)
    cells = np.array(
        zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False, add_hrt=False)
    )
    cells = cells[:, :, 0] if cells.ndim == 3 else cells
    pad, dice = 5 * module_px, np.random.default_rng(seed)
    light_ = np.full(
        (cells.shape[0] * module_px + 2 * pad, cells.shape[1] * module_px + 2 * pad), 170.0
    )
    for row, column in zip(*np.nonzero(cells < 128), strict=True):
        y, x = (
            pad + (place + 0.5) * module_px + dice.normal(0, jitter_px) for place in (row, column)
        )
        top, left = int(y) - module_px, int(x) - module_px
        down, across = np.mgrid[top : top + 2 * module_px + 1, left : left + 2 * module_px + 1]
        cover = np.clip(fill * module_px / 2 - np.hypot(down - y, across - x) + 0.5, 0, 1)
        spot = light_[top : top + 2 * module_px + 1, left : left + 2 * module_px + 1]
        spot[:] = spot * (1 - cover) + 50 * cover
    seen = cv2.GaussianBlur(light_, (0, 0), 0.7) + dice.normal(0, 6, light_.shape)
    seen = np.clip(seen, 0, 255).astype(np.uint8)
    return 255 - seen if light else seen


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("module_px", [6, 8, 10, 13, 16])
def test_a_data_matrix_of_separate_dots_is_read(module_px: int, light: bool) -> None:
    for fill in (1.0, 0.8, 0.6):
        for jitter_px in (0.0, 0.5):
            found = read(
                dots(module_px, fill, jitter_px, light),
                formats=("data_matrix",),
                expected="LOT-2025-11",
            )
            assert found.value == 1, (fill, jitter_px)


@pytest.mark.parametrize(
    ("kind", "printed", "name"),
    [
        ("UPCA", "012345678905", "upc_a"),
        ("UPCE", "01234565", "upc_e"),
        ("EAN13", "4006381333931", "ean_13"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_number_below_the_bars_is_right_however_many_zeros_a_reader_adds(
    kind: str, printed: str, name: str, named: bool
) -> None:
    plate = on_plate(
        drawn(printed, zxingcpp.BarcodeFormat.__members__[kind], scale=3), 20, 20, 500, 300
    )
    formats = (name,) if named else ()
    for right in (printed, printed.zfill(14) if kind != "UPCE" else "012345000065"):
        assert read(plate, formats=formats, expected=right).value == 1
    assert read(plate, Trigger(part_id=printed), formats=formats, match="part_id").value == 1
    other = printed[:-2] + "15"
    assert read(plate, formats=formats, expected=other).value == 0


@pytest.mark.parametrize("formats", [("code_39",), ()])
@pytest.mark.parametrize("text", ["2222/F1", "AB+C12", "%WBA1234", "A$B-1", "10%", "A-1.B 2"])
def test_code_39_is_shown_as_it_is_printed_and_compared_as_full_ascii_too(
    text: str, formats: tuple[str, ...]
) -> None:
    plate = on_plate(drawn(text, zxingcpp.BarcodeFormat.Code39Std, scale=2), 20, 20, 700, 200)
    assert read(plate, formats=formats).text == text
    assert read(plate, formats=formats, expected=text).value == 1
    full = full_ascii(text)
    if full is not None and full != text:
        assert read(plate, formats=formats, expected=full).value == 1
        assert read(plate, formats=("code_39_full_ascii",)).text == shown([full])


@pytest.mark.parametrize("formats", [("code_39",), ()])
@pytest.mark.parametrize("change", ["as it is", "inverted", "turned"])
def test_the_number_of_a_medicine_is_right_in_every_look(
    change: str, formats: tuple[str, ...]
) -> None:
    """One look must not show what the bars hold if another shows what is printed below them."""
    page = on_plate(drawn("3PRM8N", zxingcpp.BarcodeFormat.Code39, 2), 60, 100, 420, 320)
    if change == "inverted":
        page = 255 - page
    elif change == "turned":
        turn = cv2.getRotationMatrix2D((209.5, 159.5), 30, 1)
        page = np.asarray(cv2.warpAffine(page, turn, (420, 320), borderValue=255), np.uint8)
    assert read(page, expected="A123456788", formats=formats).value == 1
    assert read(page, expected="A123456789", formats=formats).value == 0
    assert read(page, formats=formats).text == ("3PRM8N" if formats else "A123456788")
