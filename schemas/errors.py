"""The catalogue of problems: each code with its message, its HTTP status and what to do about
it.

One file: a table, a row a code.
"""

from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One row of the catalogue."""

    message: str
    http_status: int
    advice: str


CATALOGUE: dict[str, Entry] = {
    # triggers
    "BAD_TRIGGER": Entry(
        "The trigger is not what the contract says", 400, "Check the payload against trigger.json"
    ),
    "TRIGGER_STALE": Entry(
        "The trigger is too old, the part has moved on", 409, "Check the network and the clocks"
    ),
    "TRIGGER_KNOWN": Entry(
        "The trigger's id was used for another trigger", 409, "Give each part an id of its own"
    ),
    "OVERRUN": Entry(
        "Triggers come faster than parts can be inspected",
        429,
        "Slow the line or shorten the program",
    ),
    "INTERRUPTED": Entry(
        "The node stopped while this was under way", 500, "Check why it stopped; remove the part"
    ),
    "STATION_PAUSED": Entry("The station is paused", 409, "Send the command resume"),
    "STATION_NOT_FOUND": Entry(
        "This node has no such station", 404, "See the info topic for the stations"
    ),
    # camera and picture
    "CAMERA_NOT_FOUND": Entry(
        "The camera is not there", 503, "Check cable, power and the device path"
    ),
    "CAMERA_ERROR": Entry(
        "The camera failed",
        503,
        "Look at what the message names, then at cable and power; the node reopens it by itself",
    ),
    "CAMERA_TIMEOUT": Entry(
        "No frame newer than the trigger came in time", 504, "Check frame rate and exposure"
    ),
    "CAMERA_BUSY": Entry(
        "Another process holds the camera", 409, "Stop the process named in the message"
    ),
    "FRAME_FROZEN": Entry(
        "The camera repeats the same picture", 503, "Power the camera off and on"
    ),
    "IMAGE_QUALITY": Entry(
        "The picture is too dark, burnt out or blurred", 422, "Check light, focus and exposure"
    ),
    "IMAGE_SIZE": Entry(
        "The picture has another size than the program's master", 422, "Set the camera's size"
    ),
    "IMAGE_NOT_KEPT": Entry(
        "No picture with this hash is kept any more", 409, "Send the picture itself"
    ),
    "IMAGE_INVALID": Entry("The picture cannot be decoded", 422, "Send a JPEG or PNG picture"),
    # programs
    "PROGRAM_NOT_FOUND": Entry("There is no such program", 404, "Import it or choose another"),
    "PROGRAM_INVALID": Entry("The program cannot be used", 422, "Fix what the message names"),
    "PROGRAM_LOADING": Entry(
        "The program is still learning from its master",
        503,
        "Select it before the first part comes",
    ),
    "PROGRAM_EMPTY": Entry("The program has no tools", 422, "Add at least one tool"),
    "PROGRAM_CONFLICT": Entry(
        "The program was changed by somebody else", 409, "Read it again and repeat the edit"
    ),
    "PROGRAM_ACTIVE": Entry(
        "A station uses the program", 409, "Select another program there first"
    ),
    "SIGNATURE_MISSING": Entry(
        "The bundle is not signed", 422, "Export it where a signing key is configured"
    ),
    "SIGNATURE_INVALID": Entry(
        "The bundle's signature does not fit", 422, "Get it again from the person who signed it"
    ),
    "SIGNER_UNKNOWN": Entry(
        "The bundle is signed by somebody unknown",
        422,
        "Add the key to programs.trusted_keys, if it is to be trusted",
    ),
    "MASTER_IMAGE_NOT_FOUND": Entry(
        "The program's master image is missing", 404, "Register a master image"
    ),
    "MODEL_NOT_FOUND": Entry(
        "What a tool was taught is missing", 404, "Import the bundle again, or teach the tool"
    ),
    "MODEL_INVALID": Entry("What a tool was taught cannot be used", 422, "Teach the tool again"),
    "PICTURES_UNFIT": Entry(
        "These pictures are not fit for this", 422, "Correct what the message names"
    ),
    "NOT_TAUGHT": Entry(
        "The tool has not been taught yet", 409, "Run inspection-node teach PROGRAM TOOL FOLDER"
    ),
    "REGION_INVALID": Entry(
        "A region leaves the frame", 422, "Move the region, or check the part's position"
    ),
    # inspection
    "PART_NOT_FOUND": Entry(
        "The locator did not find the part", 422, "Check part position, light and lower limit"
    ),
    # of a tool: nothing, or too little, to see is NO_CONTRAST; seen, but of no one value, NO_VALUE
    "NO_CONTRAST": Entry(
        "There is nothing to see in the region", 422, "Check light, lens cap and region"
    ),
    "TOOL_FAILED": Entry("A tool failed", 500, "See the log for the trace, then report it"),
    "TOOL_CRASHED": Entry(
        "A tool ended the process that looks at the parts",
        500,
        "The log names program and tool: change it, then report it",
    ),
    "NO_VALUE": Entry("A tool gave no usable number", 500, "Check the tool's region and settings"),
    "JUDGEMENT_FAILED": Entry("The judgement could not be made", 500, "Check the expression"),
    "TIMEOUT": Entry(
        "The inspection took longer than its limit", 504, "Raise limits_ms or shorten the program"
    ),
    "INTERNAL": Entry("The node has a fault", 500, "See the log for the trace, then report it"),
    # outputs
    "GPIO_NOT_AVAILABLE": Entry(
        "The output lines cannot be used", 503, "Check chip, permissions and who holds them"
    ),
    "GPIO_ERROR": Entry("An output line could not be driven", 503, "Check the chip and its wiring"),
    "NOT_IN_MAINTENANCE": Entry(
        "Lines are set by hand only in maintenance mode", 409, "Pause with maintenance: true"
    ),
    "IN_MAINTENANCE": Entry(
        "The station is in maintenance",
        403,
        "The person who began it can end it, or another administrator",
    ),
    # storage
    "STORE_FAILED": Entry(
        "The record could not be written", 503, "Check disk space, permissions and health"
    ),
    "STORE_NEWER": Entry(
        "The state folder was written by a newer version", 409, "Install that version or newer"
    ),
    "STORE_CORRUPT": Entry(
        "A stored file is damaged", 500, "See the alarm: the last good copy is in use, if any"
    ),
    "STATE_LOCKED": Entry(
        "Another node uses this state folder", 409, "Stop it, or choose another state_dir"
    ),
    "BUNDLE_FAILED": Entry(
        "The bundle could not be made",
        500,
        "Make it in a source tree, where the package registry can be reached",
    ),
    "EXPORT_FAILED": Entry(
        "The target of exports took nothing",
        503,
        "Check that it is there, has space, and lets us in",
    ),
    "EXPORT_REFUSED": Entry(
        "The target has no place for this file", 422, "Choose another name template"
    ),
    "EXPORT_NOT_INSTALLED": Entry(
        "What this kind of target needs is missing", 500, "Install inspection-node[exports]"
    ),
    "BACKUP_INVALID": Entry(
        "The backup is not whole", 422, "Take another backup; nothing was changed"
    ),
    "BACKUP_NOT_FOUND": Entry(
        "There is no such backup", 404, "See the list; the oldest goes when another one is made"
    ),
    "DISK_SPACE": Entry("The disk is nearly full", 507, "Free space; pictures are dropped first"),
    # commands, settings, users
    "BAD_JSON": Entry("The document is not strict JSON", 400, "Send one UTF-8 JSON document"),
    "BAD_COMMAND": Entry(
        "The command is not what the contract says", 400, "Check the payload against the schema"
    ),
    "BAD_MESSAGE": Entry(
        "The node or somebody else said something unreadable here",
        502,
        "Check who may publish there: deploy/acl.conf",
    ),
    "COMMAND_STALE": Entry(
        "The command is too old to be done",
        409,
        "Send it again, with another request_id, if it still holds",
    ),
    "REPLY_TOO_LARGE": Entry(
        "The broker does not take a reply of this size",
        502,
        "Ask for less, or raise the broker's packet limit",
    ),
    "SUBSCRIPTION_REFUSED": Entry(
        "The broker does not let the station hear its triggers",
        503,
        "Allow what deploy/acl.conf does",
    ),
    "UNKNOWN_COMMAND": Entry("There is no such command", 404, "See commands in the contract"),
    "RESULT_NOT_FOUND": Entry(
        "There is no such result", 404, "Check the id; retention may have removed it"
    ),
    "QUERY_LIMIT": Entry(
        "The query takes too long", 422, "Ask for a shorter time or fewer results"
    ),
    "NODE_AWAY": Entry(
        "The node did not answer", 504, "Check that it runs and is connected to the broker"
    ),
    "BROKER_AWAY": Entry(
        "The broker cannot be reached", 503, "Check its address, port and credentials"
    ),
    "SETTINGS_INVALID": Entry(
        "The settings are wrong", 422, "Correct the key that the message names"
    ),
    "SETTINGS_CONFLICT": Entry(
        "The settings file was changed by somebody else", 409, "Read it again and repeat the change"
    ),
    "SETTINGS_READ_ONLY": Entry(
        "The settings cannot be changed here", 409, "Change the file on the machine, then reload"
    ),
    "USER_INVALID": Entry(
        "The account cannot be made like this",
        422,
        "Choose another value for what the message names",
    ),
    "USER_NOT_FOUND": Entry("There is no such user", 404, "See user list"),
    # the web: who asks
    "SIGN_IN_REQUIRED": Entry("Nobody is signed in", 401, "Sign in first"),
    "CREDENTIALS_INVALID": Entry(
        "User name or password is wrong",
        401,
        "Check both; an administrator can set another password",
    ),
    "TWO_FACTOR_REQUIRED": Entry(
        "The account asks for a second factor", 401, "Send the code too, or a recovery code"
    ),
    "TWO_FACTOR_INVALID": Entry(
        "The code is wrong or was used before", 401, "Wait for the next code; check the clock"
    ),
    "PASSKEY_INVALID": Entry(
        "The passkey cannot be used like this",
        422,
        "Start again; use the address that passkeys are for",
    ),
    "PASSKEY_NOT_FOUND": Entry("There is no such passkey", 404, "See the passkeys of your account"),
    "TWO_FACTOR_STATE": Entry(
        "The second factor is not in that state", 409, "See whether it is on, off or being set up"
    ),
    "TOKEN_INVALID": Entry("The token is not one of ours", 401, "Sign in again"),
    "TOKEN_EXPIRED": Entry("The token has expired", 401, "Refresh it, or sign in again"),
    "TOKEN_REUSED": Entry(
        "The refresh token was used before", 401, "Sign in again; somebody may have copied it"
    ),
    "PROOF_REQUIRED": Entry(
        "This asks for your own password again", 403, "Send own_password, and own_code if it is on"
    ),
    "PASSWORD_EXPIRED": Entry(
        "The first password was not used in time", 403, "Ask an administrator for another one"
    ),
    "SECOND_FACTOR_NEEDED": Entry(
        "This site asks your role for a second factor", 403, "Set it up at your account"
    ),
    "OIDC_REFUSED": Entry(
        "What the identity provider answered lets nobody in here",
        403,
        "Sign in again; ask who keeps groups and roles",
    ),
    "OIDC_AWAY": Entry(
        "The identity provider cannot be used now",
        503,
        "Try again; a local account opens meanwhile",
    ),
    "LOCKED_OUT": Entry("There were too many failed attempts", 429, "Wait, or ask for user unlock"),
    "PERMISSION_DENIED": Entry("The role does not allow this", 403, "Ask an administrator"),
    "SESSION_NOT_FOUND": Entry("There is no such session", 404, "See the list of sessions"),
    "SETUP_CLOSED": Entry(
        "The first account cannot be made like this",
        403,
        "Use the token printed at this start, or inspection-node user add",
    ),
    # the web: how it is asked
    "CROSS_SITE": Entry(
        "The request comes from another site",
        403,
        "Send it from a page of this site, or with a bearer token",
    ),
    "HOST_REFUSED": Entry("This site is not known by that name", 421, "Add the name to web.hosts"),
    "RATE_LIMITED": Entry("There were too many requests", 429, "Wait as long as Retry-After says"),
    "NOT_FOUND": Entry(
        "There is nothing at this address", 404, "See /api/v1/openapi.json for what there is"
    ),
    "METHOD_NOT_ALLOWED": Entry(
        "This address does not take that method", 405, "See the Allow header"
    ),
    "BAD_REQUEST": Entry("The request is not valid HTTP", 400, "Correct what the message names"),
    "CONTENT_TYPE": Entry(
        "The content type of the body is not accepted", 415, "Send the content type of the API"
    ),
    "TOO_LARGE": Entry("The request is too large", 413, "Send less at once"),
    "VALIDATION_FAILED": Entry(
        "A value is not allowed", 422, "Give another value for what the message names"
    ),
    "PRECONDITION_REQUIRED": Entry(
        "The request does not say which version it changes", 428, "Send If-Match with that version"
    ),
    "BUSY": Entry("Too much is going on at once", 503, "Try again as Retry-After says"),
}


class Problem(Exception):
    """Something that cannot be done, as a code of the catalogue and one sentence for a person."""

    def __init__(self, code: str, message: str | None = None, **details: Any) -> None:
        entry = CATALOGUE[code]
        self.code = code
        self.message = f"{entry.message}: {message}" if message else entry.message
        self.details = details
        super().__init__(f"{code}: {self.message}")

    @classmethod
    def told(cls, code: str, message: str) -> "Problem":
        """A problem as another process has told it: its message is whole already."""
        problem = cls(code)
        problem.message = message
        problem.args = (f"{code}: {message}",)
        return problem
