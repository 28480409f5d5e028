"""A master that comes while the node is away, or that no command can carry: encoded anew all the
same, by a confined child.

The web loads no decoder: what decodes is a process of its own (node/pictures/recode.py), one at a
time, without our environment.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path

from schemas import CATALOGUE, Problem

LIMIT_S = 20.0
TURN_S = 10.0
_turn = threading.Lock()


def recoded(picture: bytes) -> bytes:
    """The picture as the node stores it. Raises Problem IMAGE_INVALID, BUSY."""
    return _made(picture)


def smaller(picture: bytes) -> bytes:
    """A JPEG of the picture for lists. Raises Problem IMAGE_INVALID, BUSY."""
    return _made(picture, "small")


def _made(picture: bytes, *how: str) -> bytes:
    if not _turn.acquire(timeout=TURN_S):
        raise Problem("BUSY", "other pictures are being decoded", retry_after_s=5)
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-s", "-m", "node.pictures.recode", *how],
            input=picture,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
            cwd="/",
            # none of our secrets
            env={"PYTHONPATH": str(Path(__file__).parent.parent), "LANG": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise Problem("IMAGE_INVALID", "decoding it takes too long") from None
    except OSError as error:
        raise Problem(
            "BUSY", f"no process could be started ({error.strerror})", retry_after_s=5
        ) from error
    finally:
        _turn.release()
    if child.returncode == 0 and child.stdout:
        return child.stdout
    raise _refusal(child.stdout)


def _refusal(said: bytes) -> Problem:
    try:
        document = json.loads(said)
        if document["code"] in CATALOGUE:
            return Problem.told(document["code"], str(document["message"])[:500])
    except (ValueError, KeyError, TypeError):
        pass
    return Problem("IMAGE_INVALID", "decoding it takes too much memory, or ends the decoder")
