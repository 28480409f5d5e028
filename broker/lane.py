"""What a session is for, and how the two sessions of a node stay out of each other's way."""

from collections.abc import Sequence

from broker.side import ConnectionEnd


class Lane:
    """As it is here, a session does everything over its one connection. Everything is asked on the
    session's own thread.

    name: in the names of its thread, its files and its client id, "" for the session of triggers
    and results; kinds: what it may subscribe to, by the names of the topic table; will: whether the
    broker tells when it is gone.
    """

    name = ""
    kinds: Sequence[str] = ("trigger", "cmd", "result", "_fence")
    will = True
    about = ""  # what its troubles begin with, in texts for people

    def may_connect(self) -> bool:
        """Whether its connection should exist now."""
        return True

    def afresh(self) -> bool:
        """Whether earlier waits no longer count, so that it may connect at once."""
        return False

    def connecting(self) -> None:
        """CONNECT goes out."""

    def connected(self, *, session_present: bool) -> None:
        """CONNACK came."""

    def online(self) -> None:
        """All subscriptions were answered."""

    def ended(self, why: ConnectionEnd, *, connected: bool) -> None:
        """A connection, or a try, is over."""

    def wants_commands(self) -> bool | None:
        """Whether commands are to be heard over this connection; None leaves it as the broker has
        it."""
        return True

    def hears_commands(self, heard: bool) -> None:
        """Whether commands are heard here, now that the broker has answered."""

    def left_commands(self) -> None:
        """The broker brings no more commands over this connection, except those already in its
        queue."""

    def may_greet(self) -> bool:
        """Whether the state may be published, since clients that wait for it may send commands
        then."""
        return True

    def told(self) -> list[str]:
        """What is wrong, one sentence each."""
        return []


ALONE = Lane()
