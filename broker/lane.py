"""What a session is for, and how it keeps out of the way of the other one."""

from collections.abc import Sequence

from broker.side import Ended


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
    about = ""  # what its troubles begin with, for people

    def may_connect(self) -> bool:
        """Whether it should be there."""
        return True

    def afresh(self) -> bool:
        """Whether what was before says nothing any more, so that it need not wait to be there."""
        return False

    def connecting(self) -> None:
        """CONNECT goes out."""

    def connected(self, *, session_present: bool) -> None:
        """CONNACK came."""

    def online(self) -> None:
        """All subscriptions were answered."""

    def ended(self, why: Ended, *, connected: bool) -> None:
        """A connection, or a try, is over."""

    def wants_commands(self) -> bool | None:
        """Whether commands are to be heard over this connection; None: as the broker has it."""
        return True

    def hears_commands(self, heard: bool) -> None:
        """Whether they are, now that the broker has answered."""

    def left_commands(self) -> None:
        """The broker brings no more commands over this connection, but those that it has put in
        line."""

    def may_greet(self) -> bool:
        """Whether the state may be told, since whoever waits for it may send commands then."""
        return True

    def told(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        return []


ALONE = Lane()
