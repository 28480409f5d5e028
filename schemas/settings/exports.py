"""Where pictures and backups are copied to: a mounted share, an S3-compatible store, or SFTP.

A name template says what a picture is called there. What it may hold is checked when the settings
are read, so that no part can have a name for which there is no place.
"""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from schemas.base import Float, Shape
from schemas.result import Verdict
from schemas.settings.addresses import AbsolutePath, is_loopback

PictureKind = Literal["raw", "annotated"]
FIELDS = (
    "node",
    "date",
    "time",
    "station",
    "verdict",
    "code",
    "program",
    "program_version",
    "part_id",
    "trigger_id",
    "result_id",
    "seq",
    "picture",
)
FIELD = re.compile(r"\{([^{}]*)\}")
BETWEEN = re.compile(r"[A-Za-z0-9._ =@+-]*")
MOST_SEGMENTS = 8
# A number that can be told apart from what stands beside it, whatever that is.
NUMBERED = re.compile(r"^\{seq\}($|[._ =@+-])|[._ =@+-]\{seq\}$")


def _template(text: str) -> str:
    for name in FIELD.findall(text):
        if name not in FIELDS:
            raise ValueError(f"{{{name[:40]}}} is no field; there are {', '.join(FIELDS)}")
    segments = FIELD.sub("X", text).split("/")
    if not text.endswith(".jpg") or len(segments) > MOST_SEGMENTS:
        raise ValueError(f"it does not end in .jpg, or has more than {MOST_SEGMENTS} levels")
    for segment in segments:
        if not segment or BETWEEN.fullmatch(segment) is None:
            raise ValueError(
                f"between fields and / are letters, digits and . _ = @ + - only: {text!r:.100}"
            )
        if segment[0] in ". " or segment[-1] in ". ":
            raise ValueError(f"a level begins or ends with a dot or a blank: {text!r:.100}")
    levels = text.removesuffix(".jpg").split("/")
    apart = "{station}" in levels and any(map(NUMBERED.search, levels))
    if "{result_id}" not in text and not apart:
        raise ValueError(
            "two parts could get one name; it needs {result_id}, or a level that is {station} and"
            " one that begins or ends with {seq}, apart from the rest by one of . _ = @ + -"
        )
    return text


Template = Annotated[
    str, StringConstraints(min_length=5, max_length=300), AfterValidator(_template)
]
HostKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,2000}={0,2}$"
    ),
]
RemotePath = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\\]{1,300}$")]


class FolderTarget(Shape):
    """A folder of this machine, such as a mounted share."""

    kind: Literal["folder"] = "folder"
    path: AbsolutePath = Field(
        description="The folder; it is never created, so that a missing share is noticed."
    )
    mounted: bool = Field(
        default=True,
        description=(
            "Whether it must be on a different disk from the state, as a share is: one that is not"
            " mounted is then reported, instead of filling this machine's disk."
        ),
    )


class S3Target(Shape):
    """A bucket of an S3-compatible store."""

    kind: Literal["s3"] = "s3"
    endpoint: str = Field(description="https://HOST or https://HOST:PORT.")
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = (
        Field(description="The bucket; it is never made.")
    )
    prefix: Annotated[
        str, StringConstraints(pattern=r"^([A-Za-z0-9._=@+-]+/)*$", max_length=200)
    ] = Field(default="", description="What every name begins with; it ends with /.")
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] = Field(
        default="us-east-1", description="The region that requests are signed for."
    )
    access_key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{3,128}$")] = Field(
        description="Name of the key, which is no secret."
    )
    secret_key: SecretStr | None = Field(
        default=None, description="The key itself; from the environment or a file only."
    )
    ca_file: AbsolutePath | None = Field(
        default=None,
        description="Certificates of the authorities to trust (PEM); else the machine's.",
    )
    allow_clear_text: bool = Field(
        default=False,
        description=(
            "Whether http:// may lead to another machine: anybody in between can read along."
        ),
    )

    @field_validator("endpoint")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
            or parts.password
        ):
            raise ValueError("it is not https://HOST or https://HOST:PORT")
        if parts.path or parts.query or parts.fragment or parts.port == 0:
            raise ValueError(
                "it has more than a host and a port from 1 to 65535; the bucket is a key"
            )
        return url

    @model_validator(mode="after")
    def _clear(self) -> "S3Target":
        parts = urlsplit(self.endpoint)
        if parts.scheme == "http" and not (
            self.allow_clear_text or is_loopback(parts.hostname or "")
        ):
            raise ValueError(
                "endpoint is http:// to another machine; use https://, or allow_clear_text = true"
            )
        return self


class SftpTarget(Shape):
    """A folder of another machine by SFTP, whose host key is known before."""

    kind: Literal["sftp"] = "sftp"
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")] = Field(
        description="Name or address."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=22, description="TCP port.")
    username: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20:]{1,64}$")] = Field(
        description="Account there."
    )
    path: RemotePath = Field(default=".", description="The folder there; it is never made.")
    host_key: HostKey = Field(
        description=(
            "Public key of that machine, as `ssh-keyscan HOST` prints it after the name: a machine"
            " that answers with another key is sent nothing, and nobody signs in there."
        )
    )
    key_file: AbsolutePath | None = Field(
        default=None, description="Private key to sign in with (OpenSSH, without a passphrase)."
    )
    password: SecretStr | None = Field(
        default=None, description="Password instead of a key; from the environment or a file only."
    )


Target = Annotated[FolderTarget | S3Target | SftpTarget, Field(discriminator="kind")]


class PictureExport(Shape):
    """Kept pictures of results, copied after the result is out and never in the cycle time."""

    target: Target | None = Field(
        default=None, description="Where they are copied to; if missing, none are copied."
    )
    template: Template = Field(
        default="{date}/{station}/{verdict}/{part_id}_{seq}.jpg",
        description=f"Name of each there. Fields: {', '.join(FIELDS)}; characters that some"
        " shares refuse become _.",
    )
    pictures: Annotated[
        tuple[PictureKind, ...], Field(min_length=1, max_length=2, strict=False)
    ] = Field(
        default=("raw",),
        description="Which of a result's: raw, annotated; both need {picture} in the template.",
    )
    verdicts: Annotated[tuple[Verdict, ...], Field(min_length=1, max_length=3, strict=False)] = (
        Field(
            default=("OK", "NG", "ERROR"),
            description="Of which results, among those whose pictures are kept.",
        )
    )
    most_waiting: Annotated[int, Field(ge=10, le=10_000_000)] = Field(
        default=100_000,
        description=(
            "Most results that wait for a target that is away (100,000 are an hour at 27 a"
            " second); beyond that the oldest are left out and counted. They wait where [pictures]"
            " keeps them, and its limits apply too."
        ),
    )

    @model_validator(mode="after")
    def _apart(self) -> "PictureExport":
        if len(set(self.pictures)) > 1 and "{picture}" not in self.template:
            raise ValueError("raw and annotated would get one name; the template needs {picture}")
        return self


class BackupExport(Shape):
    """Backups, copied by the command `backup` after each is made."""

    target: Target | None = Field(
        default=None, description="Where they are copied to; if missing, none are copied."
    )
    keep_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        default=30,
        description=(
            "Backups of this node that are older than the newest one by so many days are removed"
            " there; 0 keeps all."
        ),
    )
    late_hours: Float = Field(
        default=49.0,
        gt=0,
        le=8760,
        description="Hours without a new copy after which the alarm BACKUP is raised.",
    )


class ExportSettings(Shape):
    """Copies elsewhere."""

    pictures: PictureExport = Field(
        default_factory=PictureExport, description="Pictures of results."
    )
    backups: BackupExport = Field(default_factory=BackupExport, description="Backups.")
