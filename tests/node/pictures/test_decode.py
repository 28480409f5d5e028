"""Pictures from outside: which are refused, and what comes out of the others."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from node.pictures.decode import PASSES, PIECE_BYTES, _bare, decode
from schemas import Problem

GRADIENT = np.dstack(
    [np.tile(np.arange(64, dtype=np.uint8) * 3, (48, 1)) + shift for shift in (0, 20, 40)]
)


def encoded(ending: str, pixels=GRADIENT, *options: int) -> bytes:
    done, data = cv2.imencode(ending, pixels, options)
    assert done
    return data.tobytes()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A gray PNG with the given chunks before its (black) pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(bytes(width + 1)) for _ in range(height)) + rows.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_lossless_pictures_come_out_as_they_went_in():
    for ending in (".png", ".bmp"):
        assert np.array_equal(decode(encoded(ending)), GRADIENT)
    assert np.array_equal(
        decode(encoded(".webp", GRADIENT, cv2.IMWRITE_WEBP_QUALITY, 101)), GRADIENT
    )


def test_jpeg_and_lossy_webp_come_out_nearly_as_they_went_in():
    for data in (encoded(".jpg"), encoded(".webp", GRADIENT, cv2.IMWRITE_WEBP_QUALITY, 90)):
        assert np.abs(decode(data).astype(int) - GRADIENT).mean() < 4


def test_gray_stays_gray():
    for ending in (".png", ".jpg", ".bmp"):
        assert decode(encoded(ending, GRADIENT[:, :, 0])).shape == (48, 64)


def test_transparency_is_dropped():
    assert np.array_equal(
        decode(encoded(".png", cv2.cvtColor(GRADIENT, cv2.COLOR_BGR2BGRA))), GRADIENT
    )


def test_sixteen_bits_become_eight():
    assert np.array_equal(decode(encoded(".png", GRADIENT.astype(np.uint16) * 257)), GRADIENT)
    assert decode(encoded(".png", np.full((20, 20), 65535, np.uint16))).max() == 255


LEVELS = np.tile(np.linspace(20, 200, 64).astype(np.uint8), (48, 1))


def significant(data: bytes, *bits: int) -> bytes:
    """The PNG with an sBIT chunk behind its header."""
    return data[:33] + chunk(b"sBIT", bytes(bits)) + data[33:]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_the_significant_bits_of_a_camera_are_used_wherever_they_lie(bits: int):
    low = LEVELS.astype(np.uint16) << (bits - 8)
    for pixels in (low, LEVELS.astype(np.uint16) << 8):
        seen = decode(significant(encoded(".png", pixels), bits))
        assert np.abs(seen.astype(int) - LEVELS).max() <= 1
    colour = np.dstack([low] * 3)
    assert (
        np.abs(
            decode(significant(encoded(".png", colour), bits, bits, bits)).astype(int)
            - LEVELS[..., None]
        ).max()
        <= 1
    )


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_sixteen_bits_that_are_hardly_used_are_refused_with_what_to_do(bits: int):
    with pytest.raises(Problem, match=r"IMAGE_INVALID.*sBIT"):
        decode(encoded(".png", LEVELS.astype(np.uint16) << (bits - 8)))


def test_a_black_picture_of_sixteen_bits_is_black():
    assert decode(encoded(".png", np.zeros((20, 20), np.uint16))).max() == 0


def test_a_progressive_jpeg_is_taken():
    assert (
        decode(encoded(".jpg", GRADIENT, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)).shape == GRADIENT.shape
    )


def test_exif_orientation_does_not_turn_the_pixels():
    plain = encoded(".jpg")
    tiff = b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    # it is a turned one
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (64, 48, 3)
    assert np.array_equal(decode(turned), decode(plain))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp"])
def test_every_truncation_is_refused(ending):
    data = encoded(ending)
    for length in [*range(0, len(data) - 2, max(1, len(data) // 60)), len(data) - 2]:
        with pytest.raises(Problem, match="IMAGE_INVALID"):
            decode(data[:length])


def test_a_thumbnail_does_not_hide_that_the_picture_is_truncated():
    plain, small = encoded(".jpg"), encoded(".jpg", GRADIENT[:16, :16])
    inside = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small + plain[2:]
    assert decode(inside).shape == GRADIENT.shape
    with pytest.raises(Problem, match="truncated"):
        decode(inside[:-10])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 5000,
        bytes(np.random.default_rng(1).integers(0, 256, 5000, np.uint8)),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><img src=x>",
        b"GIF89a" + b"\0" * 100,
        b"\xff\xd8\xff",
        b"\xff\xd8\xff" + b"\xff" * 1000,
        b"\xff\xd8\xff\xe0" + b"\0" * 1000,
        b"RIFF\x10\0\0\0WEBPVP9 " + b"\0" * 100,
        b"BM" + b"\xff" * 100,
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        decode(data)


def test_a_small_file_that_asks_for_much_memory_is_refused():
    bomb = png(12000, 12000)
    assert len(bomb) < 200_000
    with pytest.raises(Problem, match="64 Mpixel"):
        decode(bomb)


def test_one_pixel_is_too_small():
    with pytest.raises(Problem, match="too small"):
        decode(png(1, 1))


def test_animated_pictures_are_refused():
    with pytest.raises(Problem, match="animated"):
        decode(png(32, 32, chunk(b"acTL", struct.pack(">II", 2, 0))))
    flags = struct.pack("<I", 0x02) + (31).to_bytes(3, "little") * 2
    with pytest.raises(Problem, match="animated"):
        decode(
            b"RIFF"
            + struct.pack("<I", 4 + 8 + len(flags))
            + b"WEBPVP8X"
            + struct.pack("<I", len(flags))
            + flags
        )


def test_a_cmyk_jpeg_is_refused():
    data = bytearray(encoded(".jpg"))
    at = data.index(b"\xff\xc0")
    data[at + 9] = 4
    with pytest.raises(Problem, match="4 channels"):
        decode(bytes(data))


def test_a_damaged_png_is_refused():
    data = bytearray(encoded(".png"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(Problem, match="checksum"):
        decode(bytes(data))


def test_what_stands_beside_the_picture_never_reaches_the_decoder():
    """It inflates each text and profile, however large: 400 kB of them took 9 s, and nobody looks
    at them."""
    text = zlib.compress(bytes(1_000_000))
    beside = [
        (b"zTXt", b"a\0\0" + text),
        (b"iCCP", b"a\0\0" + text),
        (b"iTXt", b"a\0\1\0\0\0" + text),
        (b"eXIf", b"MM\0*"),
    ]
    bare = png(32, 32)
    full = png(32, 32, *(chunk(*each) for each in beside * 3))
    assert _bare(full + b"<script>") == bare
    assert _bare(bare) is bare
    assert np.array_equal(decode(full), np.zeros((32, 32)))
    palette = chunk(b"PLTE", bytes((9, 8, 7))) + chunk(b"tRNS", b"\x80")
    drawn = png(32, 32, palette).replace(
        chunk(b"IHDR", png(32, 32)[16:29]),
        chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 3, 0, 0, 0)),
    )
    assert (decode(drawn) == (7, 8, 9)).all()


def test_a_png_that_unpacks_to_more_than_its_picture_is_refused_if_somebody_sent_it():
    bomb = png(64, 48).replace(
        chunk(b"IDAT", zlib.compress(bytes(65 * 48), 9)),
        chunk(b"IDAT", zlib.compress(bytes(10_000_000))),
    )
    with pytest.raises(Problem, match="more than its picture"):
        decode(bomb, foreign=True)
    with pytest.raises(Problem, match="more than 65536 chunks"):
        decode(png(64, 48, chunk(b"tEXt", b"a\0b") * 65_536))


def test_a_bomb_behind_a_large_picture_is_refused_and_the_picture_alone_is_taken():
    """All of it in one chunk, which is longer than what is unpacked at a time."""
    noise = np.random.default_rng(1).integers(0, 256, (1000, 800), np.uint8)
    rows = np.hstack([np.zeros((1000, 1), np.uint8), noise]).tobytes()
    empty = chunk(b"IDAT", zlib.compress(bytes(len(rows)), 9))
    good = png(800, 1000).replace(empty, chunk(b"IDAT", zlib.compress(rows)))
    assert len(good) > 3 * PIECE_BYTES
    assert np.array_equal(decode(good, foreign=True), noise)
    bomb = png(800, 1000).replace(empty, chunk(b"IDAT", zlib.compress(rows + bytes(10_000_000))))
    with pytest.raises(Problem, match="more than its picture"):
        decode(bomb, foreign=True)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(
    ("bits", "colours"), [(1, 0), (2, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (8, 6), (16, 6)]
)
def test_a_picture_of_any_depth_is_not_taken_for_such_a_bomb(
    bits: int, colours: int, interlaced: int
):
    width, height = 37, 1501  # not multiples of the steps; what is missing would count as cut off
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colours]
    rows = b""
    for x, y, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        line = len(range(x, width, across)) * bits * channels
        rows += bytes(1 + -(-line // 8)) * len(range(y, height, down))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, interlaced))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert decode(data, foreign=True).shape[:2] == (height, width)
    more = data.replace(
        chunk(b"IDAT", zlib.compress(rows)), chunk(b"IDAT", zlib.compress(rows + bytes(100_000)))
    )
    with pytest.raises(Problem, match="more than its picture"):
        decode(more, foreign=True)


def test_a_progressive_jpeg_of_more_scans_than_any_encoder_writes_is_refused():
    """Each goes over the whole picture, however few bytes it has."""
    data = encoded(".jpg", GRADIENT, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert decode(data).shape == GRADIENT.shape
    last = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(Problem, match="more than 100 scans"):
        decode(data[:-2] + last * 100 + data[-2:])
