"""What the routes answer, for the OpenAPI document: the data of the envelope. More keys may come; these stay."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from schemas import Checkerboard, Program
from schemas.program import ProgramCamera
from schemas.result import Evaluation, Images, Result, Verdict
from schemas.state import StateName
from schemas.user import UserRole

Done = dict[str, Any]  # what the node replied


class Component(TypedDict):
    """One part of the whole: how it is, and what to do about it."""

    status: str
    message: str
    advice: str


class Health(TypedDict):
    """How all is; what answers, and the parts, for who is signed in or has the metrics token."""

    status: str
    node_id: NotRequired[str]
    version: NotRequired[str]
    environment: NotRequired[str]
    production_mode: NotRequired[bool]
    wsgi_server: NotRequired[str]
    python: NotRequired[str]
    pid: NotRequired[int]
    uptime_s: NotRequired[float]
    at: NotRequired[str]
    components: NotRequired[dict[str, Component]]


class Account(TypedDict):
    """An account."""

    id: str
    username: str
    name: str
    role: UserRole
    disabled: bool
    created_at: str
    password_changed_at: str
    password_initial: bool
    subject: str | None


class Me(Account):
    """Who is signed in."""

    session: str
    twofactor: bool
    totp: bool
    passkeys: int
    recovery_codes_left: int
    csrf_token: str


class Somebody(Account):
    """An account as administrators see it."""

    twofactor: bool
    failures: int
    locked: bool
    sessions: int


class SignedIn(TypedDict):
    """A session that has begun, or goes on with new tokens."""

    user: Account
    session: str
    expires_in: int
    csrf_token: str
    access_token: NotRequired[str]
    refresh_token: NotRequired[str]
    token_type: NotRequired[str]


class SessionRow(TypedDict):
    """A session that has not ended."""

    id: str
    user: str
    username: str | None
    created_at: str
    seen_at: str
    until: str
    address: str
    agent: str
    current: bool


class Ended(TypedDict):
    """How many sessions have ended."""

    ended: int


class Secret(TypedDict):
    """The second factor that is being set up; `qr` is a data URI."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(TypedDict):
    """Shown once."""

    recovery_codes: list[str]


class PasskeyRow(TypedDict):
    """A passkey of one's own; `host` is the name that it was made for."""

    id: str
    name: str
    host: str
    created_at: str
    used_at: str | None


class PasskeyMade(TypedDict):
    """A passkey that is asked for from now on; recovery codes come with the first second factor, and are shown once."""

    passkey: PasskeyRow
    recovery_codes: list[str]


class AuditRow(TypedDict):
    """Who did what."""

    id: int
    at: str
    username: str
    action: str
    target: str
    address: str
    request_id: str
    details: dict[str, Any]
    hash: str


class AuditPage(TypedDict):
    """Rows, newest first; `next` is `before` of the next page."""

    rows: list[AuditRow]
    next: int | None


class AuditCheck(TypedDict):
    """Whether the chain holds."""

    intact: bool
    rows: int
    head: str
    problem: str | None


class Setting(TypedDict):
    """One key of the settings."""

    key: str
    value: Any
    source: str
    secret: bool
    variable: str


class SettingsShown(TypedDict):
    """All settings."""

    file: str
    settings: list[Setting]


class StationShown(TypedDict):
    """A station; without word of the node its state is Offline, and the rest of the topic `state` is missing."""

    id: str
    state: StateName


class Link(TypedDict):
    """Whether broker and node are there, and how old the newest word of the node is."""

    broker: str
    node: str
    message: str | None
    age_s: float | None
    at: str


class StationList(Link):
    """Every station."""

    stations: list[StationShown]


class Now(TypedDict):
    """What is known now; `id` is `after` of the next question, and `results` are those since the last one."""

    link: Link
    state: dict[str, Any] | None
    alarms: dict[str, dict[str, Any]]
    latest: dict[str, Result]
    results: list[Result]
    id: str


class ShownList(TypedDict):
    """Results whose annotated pictures were drawn for who watches, the newest first."""

    result_ids: list[str]


class Spread(TypedDict):
    """Times in ms of the newest results."""

    of: int
    last: float | None
    average: float | None
    p95: float | None
    max: float | None


Counts = TypedDict("Counts", {"total": int, "OK": int, "NG": int, "ERROR": int, "yield": float | None})


class Counters(Counts):
    """Since the counters were reset."""

    since: str | None
    last_seq: int
    cycle_ms: Spread


class StationRead(StationShown, Link):
    """One station in full."""

    latest: Result | None
    counters: Counters


class Triggered(TypedDict):
    """A part that was inspected by hand; no result if it was not there in time."""

    trigger_id: str
    duplicate: bool
    repeated: bool
    state: Literal["waiting", "answered"]
    result_id: NotRequired[str]
    seq: NotRequired[int]
    verdict: NotRequired[Verdict]
    evaluation: NotRequired[Evaluation]
    result: Result | None


class Captured(TypedDict):
    """A picture that was not inspected: base64, px; its figures and their limits; what it was taken with."""

    image: str
    width: int
    height: int
    captured_at: str
    quality: dict[str, float]
    limits: dict[str, float]
    camera: ProgramCamera
    controls: list[str]
    simulated: bool


class Seen(TypedDict):
    """By whom and when an alarm was seen."""

    by: str
    at: str


class Acknowledgement(Seen):
    """Which occurrence of an alarm was seen."""

    since: str


class AlarmShown(TypedDict):
    """An active alarm."""

    id: str
    code: str
    message: str
    since: str
    acknowledged: Seen | None


class AlarmList(Link):
    """Every active alarm."""

    alarms: list[AlarmShown]


class ResultRow(TypedDict):
    """One result in a list."""

    result_id: str
    trigger_id: str
    station: str
    seq: int
    verdict: Verdict
    code: str | None
    program: str | None
    program_version: int | None
    part_id: str | None
    finished_at: str
    duration_ms: float
    images: Images | None


class ResultRead(Result):
    """One result as it was published; `kept` are the names of its pictures that are still there."""

    kept: list[str]


class Around(TypedDict):
    """What is known around a result.

    previous, next: results of the station; advice: what to do about its error; newest_version: of its program, None if that
    was deleted.
    """

    previous: str | None
    next: str | None
    advice: str | None
    newest_version: int | None


class ResultPage(TypedDict):
    """A page of results; `searched_to` is the time at which an incomplete search stands."""

    results: list[ResultRow]
    cursor: str | None
    complete: bool
    searched_to: str | None


class ToolChoice(TypedDict):
    """A tool of a program."""

    name: str
    kind: str
    unit: str


class ProgramChoice(TypedDict):
    """A program."""

    id: str
    name: str
    tools: list[ToolChoice]


class CodeChoice(TypedDict):
    """A code that results have."""

    code: str
    message: str


class Choices(TypedDict):
    """What a filter can be set to."""

    stations: list[str]
    programs: list[ProgramChoice]
    codes: list[CodeChoice]


class Bucket(Counts):
    """Counts of one step in time."""

    at: str


class Reason(TypedDict):
    """What parts were rejected for."""

    reason: str
    count: int


class Rejects(TypedDict):
    """The most frequent reasons among `of` results."""

    of: int
    reasons: list[Reason]


class Over(TypedDict):
    """Counts and cycle times over time."""

    counts: Counts
    bucket_s: int
    buckets: list[Bucket]
    cycle_ms: Spread
    rejects: Rejects


class ToolFigures(TypedDict):
    """The values of one tool."""

    name: str
    kind: str
    unit: str
    low: float | None
    high: float | None
    verdicts: dict[str, int]
    count: int
    min: float | None
    max: float | None
    mean: float | None
    standard_deviation: float | None
    cpk: float | None


ToolList = TypedDict("ToolList", {"of": int, "from": str | None, "tools": list[ToolFigures]})


class VersionRow(TypedDict):
    """One version of a program, without its document."""

    id: str
    version: int
    hash: str
    saved_at: str
    saved_by: str
    note: str
    etag: str


class ProgramRow(VersionRow):
    """A program in the list."""

    name: str
    tools: int
    active: list[str]


class ProgramList(TypedDict):
    """Every program, and what is wrong with their file."""

    programs: list[ProgramRow]
    problem: str | None


class SignedBy(TypedDict):
    """The public key that signed a bundle, and what this site calls it; null if it does not know it."""

    key: str
    name: str | None


class ProgramRead(VersionRow):
    """One version with its document.

    `checked` after a change: by the `node`, or its `structure` only; `signed_by` after an import: null if nobody did.
    """

    program: Program
    checked: NotRequired[str]
    signed_by: NotRequired[SignedBy | None]


class Learned(TypedDict):
    """What was learned from pictures of a checkerboard."""

    calibration: Checkerboard


class Changed(TypedDict):
    """One difference between two versions."""

    path: str
    old: Any
    new: Any
