"""What the code says to people: each sentence with places for its values, and each phrase that may
stand there, read out of the syntax trees of all parts.

A sentence is what reaches somebody who shows it: what a Problem, a Fault, an alarm or an exception
is given (SINKS), or whatever is said in a file that gathers what is wrong (SPEAKING). A value
between its words becomes {a}, {b}, ...; where the value is itself made of words ("dark to light"),
there is a sentence for each, so that a language may say it in its own way, or, where that would be
too many, a phrase with a translation of its own. js/told.js finds both again in what came.
"""

import re
from functools import cache
from pathlib import Path

from web.phrases import ALONE, Reader, Slot, Text, ways_of, words, written
from web.source_trees import ScopedNode, SourceTrees

ROOT = Path(__file__).parents[1]
PARTS = ("schemas", "broker", "node", "web")
# of deploy, what makes, checks and restores a backup: the web starts it, and shows what it says
STARTED = ("archive", "backup", "kept_backup", "restore")
WHOLE = 8  # sentences that one becomes whose values are words
EXCEPTIONS = ("ValueError", "OSError", "TimeoutError", "PermissionError", "SSHException")
# who is given something to say, and as which argument: its number, or its name
SINKS: dict[str, tuple[int | str, ...]] = {
    "Problem": (1, "message"),
    "told": (1, "message"),
    "set": (1, "message"),
    "Fault": ("message",),
    "Ended": (0,),
    "Crash": (1, "how"),
    **dict.fromkeys(EXCEPTIONS, (0,)),
}
# where every sentence is one for people: what is wrong is gathered there, and told elsewhere
SPEAKING = {
    "broker": "connection dialling lanes link marking reasons served session side sockets"
    " subscriptions terms troubles turns",
    "node": "chores/keeping exports/care exports/pictures publish station_thread worker/child"
    " worker/in_process worker/manners",
    "schemas": "certificates settings/faults settings/load settings/safety store/accounts/audit"
    " store/documents store/ledger/care store/ledger/opening store/programs/signature",
}
# what only a command tells: the web calls none of it
UNSEEN = (
    *("broker/acl.py", "broker/aio.py", "broker/probe.py", "broker/sending.py"),
    *("broker/threaded.py", "node/networks/convert.py", "node/teach/", "schemas/kinds.py"),
)
SQL = "^(SELECT|INSERT|UPDATE|DELETE) | AND "
PIECE = re.compile(f"^[;(]|:$|{SQL}")  # of a sentence
NO_TEXT = re.compile(f"{SQL}|}}{{|^: |: ;")  # or what has no words between its values


@cache
def sayings() -> tuple[str, ...]:
    """Sentences and phrases, with {a}, {b}, ... where values stand."""
    spoken: dict[str, None] = {}

    def add(way: Text) -> None:
        for whole in _whole(way):
            text = written(whole)
            between = isinstance(whole[0], Slot) and isinstance(whole[-1], Slot)
            several = len(words(whole)) > between and (" " in text or text in ALONE)
            unusable = NO_TEXT.search(text) is not None
            if several and not unusable:
                spoken[text] = None
            for each in (*whole, *way) if unusable else whole:
                for inner in sorted(ways_of(each), key=str):
                    add(inner)

    for way in _ways():
        add(way)
    return tuple(spoken)


def examples(value: str) -> list[str]:
    """Every sentence as it may come, with a value or a phrase at each place: each phrase once."""
    sentences: dict[str, None] = {}
    for way in _ways():
        most = max([len(ways_of(each)) for each in way], default=0)
        sentences.update(dict.fromkeys(_filled(way, value, turn) for turn in range(max(most, 1))))
    return [text for text in map(str.strip, sentences) if text and not PIECE.search(text)]


def _filled(way: Text, value: str, turn: int) -> str:
    texts = []
    for each in way:
        ways = sorted(ways_of(each), key=str)
        if isinstance(each, str):
            texts.append(each)
        else:
            texts.append(_filled(ways[turn % len(ways)], value, turn) if ways else value)
    return "".join(texts)


@cache
def _ways() -> tuple[Text, ...]:
    """What is given to somebody who shows it."""
    started = [ROOT / "deploy" / "cli" / f"{name}.py" for name in STARTED]
    parts = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
    sources = SourceTrees([*parts, *started])
    reader = Reader(sources)
    given = [
        ScopedNode(value, scope)
        for name, places in SINKS.items()
        for call, scope in sources.calls[name]
        if not str(scope.path.relative_to(ROOT)).startswith(UNSEEN)
        for value in [
            *(call.args[n] for n in places if isinstance(n, int) and n < len(call.args)),
            *(each.value for each in call.keywords if each.arg in places),
        ]
    ]
    said = [way for each in given for way in sorted(reader.ways(each), key=str)]
    for part, modules in SPEAKING.items():
        for module in modules.split():
            for each in sources.texts[ROOT / part / f"{module}.py"]:
                ways = sorted(reader.ways(each), key=str)
                said += [way for way in ways if len(words(way)) > 1 or any(map(ways_of, way))]
    return tuple(dict.fromkeys(said))


def _whole(way: Text) -> list[Text]:
    """The same with the words put in that may stand at its places, so that a language may say each
    in its own way; and as it is, if there are too many, or they stand behind a colon."""
    several: list[Text] = [()]
    for n, each in enumerate(way):
        ways = ways_of(each)
        behind = n and str(way[n - 1]).endswith((": ", "; ", "("))
        fit = isinstance(each, Slot) and ways and not each.open and not behind
        if fit and len(several) * len(ways) <= WHOLE:
            put = [more for inner in sorted(ways, key=str) for more in _whole(inner)]
        elif ("",) in ways:
            put = [("",), (Slot(ways - {("",)}),)]
        else:
            put = [(each,)]
        several = [(*one, *more) for one in several for more in put]
    return several
