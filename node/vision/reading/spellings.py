"""One content of a code, several spellings: retail numbers of 8, 12, 13 or 14 digits, Code 39 with
its full ASCII pairs, and the number of a medicine (Code 32), which a Code 39 holds in another
notation than is printed below it."""

import string

GTIN_DIGITS = (12, 13, 14)
CODE_32 = "0123456789BCDFGHJKLMNPQRSTUVWXYZ"  # digits of 5 bits each
SHIFTS = {
    "$": dict(zip(string.ascii_uppercase, map(chr, range(1, 27)), strict=True)),
    "+": dict(zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)),
    "/": {chr(ord("A") + n): chr(ord("!") + n) for n in range(15)} | {"Z": ":"},
    "%": {chr(ord("A") + n): c for n, c in enumerate("\x1b\x1c\x1d\x1e\x1f;<=>?[\\]^_{|}~\x7f\0@`")}
    | {letter: "\x7f" for letter in "XYZ"},
}


def spellings(text: str, kind: str, printed: str | None = None) -> tuple[str, ...]:
    """What a text that was read may be compared as, the text itself first.

    kind: the format's name as zxing-cpp says it. printed: the 8 digits of a UPC-E. A retail number
    is the same with and without zeros before it (GS1 General Specifications, 3.3: GTIN in 14
    digits); an EAN-8 is its own.
    """
    texts = [text]
    if kind == "Code 39":
        full = full_ascii(text)
        texts += [full] if full is not None else []
        medicine = code_32(text)
        texts += [medicine] if medicine is not None else []
    elif kind == "Code 32":
        texts += [in_code_39(text)]
    elif kind in ("UPC-A", "UPC-E", "EAN-13") and text.isdecimal():
        number = text.lstrip("0")
        texts += [number.zfill(digits) for digits in GTIN_DIGITS if len(number) <= digits]
        texts += [printed] if printed else []
    return tuple(dict.fromkeys(texts))


def full_ascii(text: str) -> str | None:
    """Code 39's standard characters as full ASCII (ISO/IEC 16388, annex A); None if a shift has no
    character behind it."""
    made, at = "", 0
    while at < len(text):
        shift = SHIFTS.get(text[at])
        if shift is None:
            made, at = made + text[at], at + 1
            continue
        meant = shift.get(text[at + 1]) if at + 1 < len(text) else None
        if meant is None:
            return None
        made, at = made + meant, at + 2
    return made


def code_32(text: str) -> str | None:
    """The number that is printed below a Code 39 of six characters, `A` and nine digits, the last a
    check digit; None if it is not one.

    Allegato A, Decreto del Ministero della Sanita, 15 July 2004.
    """
    if len(text) != 6 or not set(text) <= set(CODE_32):
        return None
    number = 0
    for character in text:
        number = 32 * number + CODE_32.index(character)
    digits = f"{number:09d}"
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[1:8:2])
    right = len(digits) == 9 and (doubled + sum(map(int, digits[0:8:2]))) % 10 == int(digits[8])
    return f"A{digits}" if right else None


def in_code_39(text: str) -> str:
    """The six characters of a Code 39 that hold a number of Code 32."""
    number = int(text[1:])
    return "".join(CODE_32[number >> shift & 31] for shift in range(25, -1, -5))
