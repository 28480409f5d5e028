"""How long packets may be if the broker does not say so, and what is remembered of that over
restarts.

A broker that gets a packet that is too long for it ends the connection, with a reason or without.
One such end is enough: if what was on its way is longer than anything that this broker ever took,
everything is shortened from then on to what it has taken, or to the shortest result. Without a
reason that is a guess: after a minute whole packets are tried again, and once a day where they
ended the connection again. A packet that is taken then ends the guess.
"""

import time
from typing import NamedTuple

LEAST_RESULT = 800  # what a result with ids of the usual length can be shortened to
# until whole packets are tried again: after a guess, and when it is certain
WHOLE_S = (60.0, 86400.0)


class Known(NamedTuple):
    """What is remembered of a broker: the greatest packet in bytes, whether that is sure, and the
    longest that it has taken."""

    limit: int | None = None
    sure: bool = False
    taken: int = 0


class Longest:
    """See the head of this file."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._trying: int | None = None  # the limit without which it is being tried now
        self._whole_at = time.monotonic() + WHOLE_S[known.sure]

    def limit(self) -> int | None:
        """The most bytes of a packet; None if any number may do."""
        if self.known.limit and time.monotonic() > self._whole_at:
            self._trying = self.known.limit
            self.known = self.known._replace(limit=None)
        return self.known.limit

    def taken(self, size: int) -> None:
        """The broker has taken a packet."""
        if size > self.known.taken:
            self.known = self.known._replace(taken=size)
        if self._trying is not None and size > self._trying:
            self._trying = None  # it was something else
            self.known = self.known._replace(sure=False)

    def ended(self, longest: int, *, said: bool) -> bool:
        """The connection ended with a packet of that many bytes on its way; True if that was it, as
        it seems.

        said: the broker gave that as its reason.
        """
        again = self._trying is not None and longest > self._trying
        limit = self._trying if again else max(self.known.taken, LEAST_RESULT)
        if limit is None or longest <= limit:
            return False
        self.learn(limit, sure=said or again)
        return True

    def learn(self, limit: int, *, sure: bool = True) -> None:
        """The broker takes no more than that many bytes."""
        self.known = self.known._replace(limit=limit, sure=sure)
        self._trying = None
        self._whole_at = time.monotonic() + WHOLE_S[sure]
