"""A folder of another machine by SFTP as a target.

Only the machine with the given host key is spoken to.
"""

import base64
import binascii
import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from stat import S_ISREG

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from node.exports import CONNECT_S, QUIET_S, Stored, failed
from schemas.errors import Problem
from schemas.settings.exports import SftpTarget

ERRORS = (paramiko.SSHException, OSError, EOFError)
UNFIT_KEYS = (ValueError, TypeError, paramiko.UnknownKeyType, UnsupportedAlgorithm)


class Sftp:
    """See node.exports.Place. Files come under another name first."""

    def __init__(self, target: SftpTarget, _state: Path) -> None:
        self._where = f"sftp://{target.host}:{target.port}"
        self._path = PurePosixPath(target.path)
        self._made: set[PurePosixPath] = set()
        self._moved_at = 0.0
        self._transport: paramiko.Transport | None = None
        try:
            key = paramiko.PKey.from_path(target.key_file) if target.key_file else None
            connection = socket.create_connection((target.host, target.port), CONNECT_S)
            self._transport = transport = paramiko.Transport(connection)
            transport.banner_timeout = transport.auth_timeout = CONNECT_S
            wanted = _host_key(target.host_key)
            transport.get_security_options().key_types = _algorithms(wanted.get_name())
            transport.start_client(timeout=CONNECT_S)
            if transport.get_remote_server_key() != wanted:
                raise Problem(
                    "EXPORT_FAILED",
                    f"{self._where}: another host key than host_key: who answers there?",
                )
            if key is not None:
                transport.auth_publickey(target.username, key)
            elif target.password is not None:
                transport.auth_password(target.username, target.password.get_secret_value())
            else:
                raise Problem(
                    "EXPORT_FAILED", f"{self._where}: there is no key_file and no password"
                )
            self._sftp = _sftp(transport)
            self._sftp.stat(str(self._path))
        except Problem:
            self.close()
            raise
        except (*ERRORS, *UNFIT_KEYS) as error:
            self.close()
            raise failed(self._where, error) from error

    def put(self, name: str, source: Path) -> None:
        """See Place."""
        to = self._path / name
        part = to.with_name(f".{to.name[:200]}.part")
        try:
            with self._limited():
                self._folder(to.parent)
                with source.open("rb") as read:
                    self._sftp.putfo(read, str(part), callback=self._moved, confirm=True)
                self._rename(str(part), str(to))
        except ERRORS as error:
            if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
                raise Problem(
                    "EXPORT_REFUSED", f"{self._where}: {name}: {error.strerror}"
                ) from error
            self._made.clear()
            raise failed(f"{self._where}: {name}", error) from error

    def list(self, beginning: str) -> Iterator[Stored]:
        """See Place."""
        try:
            listed = []
            with self._limited():
                for entry in self._sftp.listdir_iter(str(self._path)):
                    self._moved()  # a folder with many files may take its time
                    if entry.filename.startswith(beginning) and S_ISREG(entry.st_mode or 0):
                        at = datetime.fromtimestamp(entry.st_mtime or 0, UTC)
                        listed.append(Stored(entry.filename, at))
            yield from listed
        except ERRORS as error:
            raise failed(self._where, error) from error

    def remove(self, name: str) -> None:
        """See Place."""
        try:
            with suppress(FileNotFoundError), self._limited():
                self._sftp.remove(str(self._path / name))
        except ERRORS as error:
            raise failed(self._where, error) from error

    def close(self) -> None:
        """See Place."""
        if self._transport is not None:
            self._transport.close()

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """What moves nothing for QUIET_S ends with SSHException or EOFError: to send has no limit
        of its own where the other side stands still with its window open."""
        assert self._transport is not None
        transport, done = self._transport, threading.Event()
        self._moved()

        def watch() -> None:
            while (left_s := self._moved_at + QUIET_S - time.monotonic()) > 0:
                if done.wait(left_s):
                    return
            transport.close()

        thread = threading.Thread(target=watch, name="exports-limit", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()

    def _moved(self, *_: int) -> None:
        self._moved_at = time.monotonic()

    def _folder(self, folder: PurePosixPath) -> None:
        """Make the levels of a name below the target's own folder."""
        if folder == self._path or folder in self._made:
            return
        self._folder(folder.parent)
        try:
            self._sftp.mkdir(str(folder))
        except OSError:
            self._sftp.stat(str(folder))  # it was there; if not, this says what is wrong
        self._made.add(folder)

    def _rename(self, part: str, to: str) -> None:
        try:
            self._sftp.posix_rename(part, to)
        except OSError:  # a server without that extension does not replace
            with suppress(FileNotFoundError):
                self._sftp.remove(to)
            self._sftp.rename(part, to)


def _sftp(transport: paramiko.Transport) -> paramiko.SFTPClient:
    """Begin SFTP. Raises SSHException, EOFError, also where the other side says nothing."""
    transport.channel_timeout = QUIET_S
    # the answers to the request and to our version are waited for without a limit of their own
    limit = threading.Timer(QUIET_S, transport.close)
    limit.daemon = True
    limit.start()
    try:
        opened = paramiko.SFTPClient.from_transport(transport)
    finally:
        limit.cancel()
    channel = opened.get_channel() if opened is not None else None
    if opened is None or channel is None:
        raise paramiko.SSHException("it has no SFTP")
    channel.settimeout(QUIET_S)
    return opened


def _host_key(text: str) -> paramiko.PKey:
    """The key of a line such as `ssh-ed25519 AAAA...`. Raises ValueError, SSHException."""
    kind, _, data = text.partition(" ")
    try:
        return paramiko.PKey.from_type_string(kind, base64.b64decode(data, validate=True))
    except (binascii.Error, paramiko.UnknownKeyType) as error:
        raise ValueError(f"host_key is no key: {error}") from error


def _algorithms(kind: str) -> tuple[str, ...]:
    """The signatures by which a host key of that kind may prove itself."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
