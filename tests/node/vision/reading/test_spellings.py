"""Spellings of one content: GTINs with and without zeros, Code 39 with pairs."""

import numpy as np
import pytest
import zxingcpp

from node.vision.reading.spellings import code_32, full_ascii, in_code_39, spellings


@pytest.mark.parametrize(
    ("text", "kind", "printed", "same", "others"),
    [
        (
            "0012345678905",
            "UPC-A",
            None,
            ["012345678905", "00012345678905"],
            ["12345678905", "0012345678906", "1012345678905"],
        ),
        (
            "0012345000065",
            "UPC-E",
            "01234565",
            ["01234565", "012345000065"],
            ["01234566", "1234565"],
        ),
        ("0012345678905", "EAN-13", None, ["012345678905"], ["0112345678905"]),
        ("4006381333931", "EAN-13", None, ["04006381333931"], ["006381333931", "400638133393"]),
        ("96385074", "EAN-8", None, [], ["0000096385074"]),
        ("0012345678905", "Code 128", None, [], ["012345678905"]),
    ],
)
def test_a_retail_number_is_the_same_with_and_without_zeros_before_it(
    text: str, kind: str, printed: str | None, same: list[str], others: list[str]
) -> None:
    found = spellings(text, kind, printed)
    assert found[0] == text
    assert set(same) <= set(found)
    assert not set(others) & set(found)


@pytest.mark.parametrize("code", range(1, 128))
def test_pairs_of_code_39_are_the_characters_that_another_reader_makes_of_them(code: int) -> None:
    whole = "A" + chr(code) + "1"
    image = np.array(
        zxingcpp.write_barcode_to_image(
            zxingcpp.create_barcode(whole, zxingcpp.BarcodeFormat.Code39Ext), scale=2
        )
    )
    (standard,) = zxingcpp.read_barcodes(
        image, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.Code39Std])
    )
    assert full_ascii(standard.bytes.decode("ascii")) == whole


@pytest.mark.parametrize("text", ["10%", "A+1", "$$", "/-"])
def test_a_shift_without_a_letter_is_no_full_ascii(text: str) -> None:
    assert full_ascii(text) is None
    assert spellings(text, "Code 39") == (text,)


@pytest.mark.parametrize("number", [12345678, 1, 90000000, 2608901])
def test_the_number_of_a_medicine_is_that_which_another_reader_makes_of_the_bars(
    number: int,
) -> None:
    digits = f"{number:08d}"
    check = (
        sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(digits))
        % 10
    )
    bars = in_code_39(f"A{digits}{check}")
    image = np.array(
        zxingcpp.write_barcode_to_image(
            zxingcpp.create_barcode(bars, zxingcpp.BarcodeFormat.Code39), scale=2
        )
    )
    (read,) = zxingcpp.read_barcodes(image)
    assert (str(read.format), read.text) == ("Code 32", code_32(bars))
    assert (
        set(spellings(bars, "Code 39")) == set(spellings(read.text, "Code 32")) == {bars, read.text}
    )
    assert code_32(in_code_39(f"A{digits}{(check + 1) % 10}")) is None


@pytest.mark.parametrize("text", ["", "3PRM8", "3PRM8A", "3PRM8NN", "ZZZZZZ"])
def test_other_texts_are_no_number_of_a_medicine(text: str) -> None:
    assert code_32(text) is None
