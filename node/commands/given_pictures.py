"""Pictures that an editor sends once and then names by their hash: decoded, while it is at work."""

import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from node.frame import Frame, Pixels
from schemas import Problem

KEPT_BYTES = 160 * 1024 * 1024  # three colour pictures of 12 megapixels, with their gray levels
KEPT_S = 600.0


class GivenPicture:
    """A picture as it was decoded; `digest` is the SHA-256 of the file that came."""

    def __init__(self, digest: str, pixels: Pixels) -> None:
        self.digest = digest
        self.used_at = 0.0
        self.become(pixels, None)

    @property
    def pixels(self) -> Pixels:
        """Height x width (x 3, BGR)."""
        return self._first.pixels

    @property
    def held_bytes(self) -> int:
        """The bytes that it takes in memory."""
        gray = self._first.gray.nbytes if self._first.coloured else 0
        return self.pixels.nbytes + gray + len(self.stored or b"")

    def become(self, pixels: Pixels, stored: bytes | None) -> None:
        """Become what a master is stored as: these pixels, encoded as `stored`; None before
        that."""
        self.stored = stored
        self._first = Frame(np.ascontiguousarray(pixels), 0, 0.0, "given", simulated=True)

    def frame(self, source: str) -> Frame:
        """A frame as if taken just now, of which only the gray levels have been made."""
        return self._first.anew(time.monotonic_ns(), time.time(), source)


class GivenPictures:
    """The newest ones, up to that many bytes. Used on one thread."""

    def __init__(
        self, most_bytes: int = KEPT_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, GivenPicture] = OrderedDict()

    def take(
        self, encoded: str | None, digest: str | None, decode: Callable[[bytes], Pixels]
    ) -> GivenPicture | None:
        """A picture in base64, or the one with this hash that came before; None without either.

        Raises Problem IMAGE_NOT_KEPT, and what decode raises.
        """
        if encoded is not None:
            return self.keep(base64.b64decode(encoded), decode)
        if digest is None:
            return None
        given = self.known(digest)
        if given is None:
            raise Problem("IMAGE_NOT_KEPT", digest)
        return given

    def known(self, digest: str) -> GivenPicture | None:
        """The picture with this hash, if it came before."""
        given = self._kept.get(digest)
        return None if given is None else self._used(given)

    def keep(self, data: bytes, decode: Callable[[bytes], Pixels]) -> GivenPicture:
        """A picture as it came. Raises what decode raises."""
        digest = hashlib.sha256(data).hexdigest()
        given = self._kept.get(digest)
        if given is None:
            given = self._kept[digest] = GivenPicture(digest, decode(data))
        return self._used(given)

    def rest(self) -> None:
        """Let go of those that have not been used for a while."""
        now = self._clock()
        for digest, each in list(self._kept.items()):
            if now - each.used_at > KEPT_S:
                del self._kept[digest]

    def _used(self, picture: GivenPicture) -> GivenPicture:
        picture.used_at = self._clock()
        self._kept.move_to_end(picture.digest)
        size = sum(each.held_bytes for each in self._kept.values())
        while size > self._most_bytes and len(self._kept) > 1:
            size -= self._kept.popitem(last=False)[1].held_bytes
        return picture
