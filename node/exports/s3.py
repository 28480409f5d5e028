"""A bucket of an S3-compatible store as a target."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import minio
import urllib3
from minio.error import S3Error

from node.exports import CONNECT_S, QUIET_S, Stored, failed
from schemas.errors import Problem
from schemas.settings.exports import S3Target

UNFIT = ("KeyTooLongError", "InvalidObjectName", "XMinioInvalidObjectName", "EntityTooLarge")
ERRORS = (S3Error, urllib3.exceptions.HTTPError, OSError, ValueError)


class ExportBucket:
    """See node.exports.Place. S3 itself sees to it that an object is there whole or not at all."""

    def __init__(self, target: S3Target, _state: Path) -> None:
        if target.secret_key is None:
            raise Problem(
                "EXPORT_FAILED",
                f"{target.endpoint}: there is no secret_key for {target.access_key}",
            )
        url = urlsplit(target.endpoint)
        self._bucket, self._prefix = target.bucket, target.prefix
        self._where = f"{target.endpoint}/{target.bucket}"
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_S, read=QUIET_S),
            retries=False,
            ca_certs=target.ca_file or certifi.where(),
        )
        self._client = minio.Minio(
            url.netloc,
            access_key=target.access_key,
            secret_key=target.secret_key.get_secret_value(),
            secure=url.scheme == "https",
            region=target.region,
            http_client=self._http,
        )

    def put(self, name: str, source: Path) -> None:
        """See Place."""
        kind = "image/jpeg" if name.endswith(".jpg") else "application/octet-stream"
        try:
            self._client.fput_object(
                self._bucket, self._prefix + name, str(source), content_type=kind
            )
        except ERRORS as error:
            if isinstance(error, S3Error) and error.code in UNFIT:
                raise Problem("EXPORT_REFUSED", f"{self._where}: {name}: {error.code}") from error
            raise self._failed(error) from error

    def list(self, beginning: str) -> Iterator[Stored]:
        """See Place."""
        try:
            for item in self._client.list_objects(self._bucket, prefix=self._prefix + beginning):
                if not item.is_dir and item.object_name and item.last_modified:
                    yield Stored(item.object_name.removeprefix(self._prefix), item.last_modified)
        except ERRORS as error:
            raise self._failed(error) from error

    def remove(self, name: str) -> None:
        """See Place."""
        try:
            self._client.remove_object(self._bucket, self._prefix + name)
        except ERRORS as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """See Place."""
        self._http.clear()

    def _failed(self, error: Exception) -> Problem:
        if isinstance(
            error, S3Error
        ):  # its text has ids and the host's names; the code and message say it
            return Problem(
                "EXPORT_FAILED", f"{self._where}: {error.code}: {str(error.message)[:200]}"
            )
        return failed(self._where, error)
