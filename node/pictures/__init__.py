"""Pictures: decoding those of strangers, drawing what was found, keeping and showing them."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`PictureWriter`, loaded when asked for: the child that decodes needs none of what it does."""
    if name != "PictureWriter":
        raise AttributeError(name)
    from node.pictures.writer import PictureWriter

    return PictureWriter
