"""`python -m tests.gallery.manual [KIND ...]`: writes one picture per tool for docs/tools.md, a
good part beside a bad one, into docs/pictures; of these kinds, or of all."""

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from tests.gallery import tools

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = (320, 240)  # of either part
QUALITY = 60


def name(family: str, kind: str) -> str:
    """The file for a kind of tool or locator."""
    return f"{kind}-locator.webp" if family == "locator" else f"{kind}.webp"


def main() -> int:
    """Write them; returns 1 if a part is not judged as its case says."""
    asked = argparse.ArgumentParser(description="One picture per tool, for docs/tools.md.")
    asked.add_argument("kinds", nargs="*", metavar="KIND", help="these kinds only (default: all)")
    kinds = asked.parse_args().kinds
    if unknown := {*kinds} - {case.kind for case in tools.cases()}:
        asked.error(f"tests/gallery/tools.py has no case of {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sections, wrong = tools.make(Path(folder), kinds)
        for family, section in zip(("locator", "tool"), sections, strict=True):
            for card in section.cards:
                seen = [cv2.imread(str(Path(folder, shot.file))) for shot in card.shots]
                kind = card.title.removesuffix(" (locator)")
                _save(FOLDER / name(family, kind), seen)
    sys.stderr.writelines(f"{what}\n" for what in wrong)
    return 1 if wrong else 0


def _save(path: Path, seen: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    gap = np.full((SIZE[1], 6, 3), 255, np.uint8)
    sides = [cv2.resize(each, SIZE, interpolation=cv2.INTER_AREA) for each in seen]
    path.write_bytes(
        cv2.imencode(
            ".webp", np.hstack([sides[0], gap, sides[1]]), [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
        )[1].tobytes()
    )


if __name__ == "__main__":
    sys.exit(main())
