"""Pictures: decoding those of strangers, drawing what was found, keeping and showing them."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`PictureWriter`, which older scripts look for here: it says which pictures are kept."""
    if name != "PictureWriter":
        raise AttributeError(name)
    from node.pictures.keeping import PictureKeeping

    return PictureKeeping
