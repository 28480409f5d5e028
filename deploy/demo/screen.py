"""What the demo shows: a live table on a terminal, one line per result in a pipe."""

from collections import Counter, deque
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.demo.demo_truth import DemoTruth
from deploy.demo.plc import HeardResult, Plc
from schemas import Result, Verdict
from schemas.base import plain

COLOURS: dict[str, str] = {"OK": "green", "NG": "red", "ERROR": "magenta"}
LATEST = 8


@dataclass
class Tally:
    """Results of one station since the demo was started."""

    counts: Counter[Verdict] = field(default_factory=Counter)
    wrong: int = 0
    known: int = 0

    @property
    def told(self) -> str:
        """Counts and yield."""
        total = self.counts.total()
        share = f"{100 * self.counts['OK'] / total:.1f} %" if total else "-"
        return (
            f"OK {self.counts['OK']}  NG {self.counts['NG']}  ERROR {self.counts['ERROR']}  yield"
            f" {share}"
        )

    @property
    def agreement(self) -> str:
        """How many verdicts agree with the truth, of those whose truth is known."""
        return f"{self.known - self.wrong} of {self.known}"


class DemoScreen:
    """See the head of this file; `heard` takes each result, `refresh` draws."""

    def __init__(self, truths: DemoTruth, stations: dict[str, str], plc: Plc) -> None:
        self.console = Console(highlight=False)
        self.tallies = {station: Tally() for station in stations}
        self._plc = plc
        self._truths = truths
        self._stations = stations
        self._latest: deque[tuple[HeardResult, Verdict | None]] = deque(maxlen=LATEST)
        self._live: Live | None = None
        self._told: str | None = None
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, get_renderable=self.render)

    def __enter__(self) -> "DemoScreen":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def heard(self, answer: HeardResult) -> None:
        """Count a result, and print it in a pipe."""
        result = answer.result
        if result.station not in self.tallies:
            return
        truth = self._truths.of(result)
        tally = self.tallies[result.station]
        tally.counts[result.verdict] += 1
        tally.known += truth is not None
        tally.wrong += truth not in (None, result.verdict)
        self._latest.append((answer, truth))
        if self._live is None:
            told = (
                f"{result.station} #{result.seq} {result.verdict:<5} truth {truth or 'unknown'}"
                f" ({_agreement(result, truth)}) {result.duration_ms:.1f} ms, round trip"
                f" {_ms(answer.round_trip_ms)}  {tally.told}  {_why(result)}"
            )
            print(told.rstrip(), flush=True)

    def refresh(self) -> None:
        """Draw the table again; in a pipe, tell the node's state when it changes."""
        if self._live is not None:
            self._live.refresh()
        elif (told := self._state()) != self._told:
            self._told = told
            print(told, flush=True)

    def render(self) -> Group:
        """The table of stations, and the latest results under it."""
        return Group(self._summary(), self._results(), Text(self._state()))

    def _summary(self) -> Table:
        table = Table(title="Stations", title_justify="left")
        for column in ("station", "shows", "state", "OK", "NG", "ERROR", "yield", "truthful"):
            table.add_column(
                column,
                justify="right" if column in ("OK", "NG", "ERROR", "yield") else "left",
                no_wrap=True,
            )
        state = self._plc.state
        for station, shows in self._stations.items():
            tally = self.tallies[station]
            station_state = state.stations.get(station) if state else None
            counts = [
                Text(str(tally.counts[verdict]), style=COLOURS[verdict])
                for verdict in ("OK", "NG", "ERROR")
            ]
            agreement = Text(tally.agreement, style="bold red" if tally.wrong else "")
            table.add_row(
                station,
                shows,
                station_state.state if station_state else "-",
                *counts,
                tally.told.rpartition("yield ")[2],
                agreement,
            )
        return table

    def _results(self) -> Table:
        table = Table(title="Latest results, newest first", title_justify="left")
        for column in (
            "station",
            "seq",
            "verdict",
            "truth",
            "agrees",
            "duration",
            "round trip",
            "why",
        ):
            right = column in ("seq", "duration", "round trip")
            table.add_column(column, justify="right" if right else "left", no_wrap=True)
        for answer, truth in reversed(self._latest):
            result = answer.result
            agreement = _agreement(result, truth)
            table.add_row(
                result.station,
                str(result.seq),
                Text(result.verdict, style=f"bold {COLOURS[result.verdict]}"),
                truth or "unknown",
                Text(agreement, style="bold red" if agreement == "NO" else ""),
                f"{result.duration_ms:.1f} ms",
                _ms(answer.round_trip_ms),
                _why(result)[:48],
            )
        return table

    def _state(self) -> str:
        if self._plc.state is None:
            return "node: starting"
        alarms = "; ".join(
            f"{code}: {plain(message, 200)}" for code, message in sorted(self._plc.alarms.items())
        )
        unanswered = (
            f"  triggers without an answer: {self._plc.unanswered}" if self._plc.unanswered else ""
        )
        return (
            f"node: {'on line' if self._plc.state.state != 'Offline' else 'Offline'}{unanswered} "
            f" alarms: {alarms or 'none'}"
        )


def _agreement(result: Result, truth: Verdict | None) -> str:
    return "-" if truth is None else "yes" if truth == result.verdict else "NO"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _why(result: Result) -> str:
    """The error, or the tools that are not OK."""
    if result.error is not None:
        return result.error.code
    return " ".join(tool.name for tool in result.tools if tool.verdict != "OK")
