"""Clocks that a test sets: the wall clock goes where it is told, the boot clock only forwards."""

from schemas.store.clock import Clock


class SetClock(Clock):
    """A machine's clocks, which begin in November 2026."""

    def __init__(self, wall: float = 1_795_000_000.0, boot: str = "first") -> None:
        self.at = wall
        self.up = 100.0
        self.kept = False
        self.booted = boot

    @property
    def boot(self) -> str:
        return self.booted

    def elapsed(self) -> float:
        return self.up

    def wall(self) -> float:
        return self.at

    def synchronised(self) -> bool:
        return self.kept

    def go(self, seconds: float) -> None:
        """Time passes."""
        self.at += seconds
        self.up += seconds

    def off(self, seconds: float) -> None:
        """The machine is off for that long, and starts again with the right time."""
        self.at += seconds
        self.up = 5.0
        self.booted += "-again"
