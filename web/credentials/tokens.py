"""Access and refresh tokens: JWTs that say who and which session, and never which role: that is
looked up each time."""

import hashlib
import time
from typing import Any, NamedTuple, NoReturn

import jwt

from schemas import Problem, new_id
from web.credentials.keys import Keys

ALGORITHM = "HS256"
ISSUER = "inspection-node"
MOST_BYTES = 2048
# typ, audience
KINDS = {"access": ("at+jwt", "inspection-node"), "refresh": ("rt+jwt", "inspection-node/refresh")}
CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]


class Token(NamedTuple):
    """What a token says: the user and the session."""

    user: str
    session: str
    expires_at: float


def issue(keys: Keys, kind: str, node: str, user: str, session: str, life_s: float) -> str:
    """A token that is good for `life_s` seconds, at this node only."""
    typ, audience = KINDS[kind]
    issued = int(time.time())
    claims = {
        "iss": f"{ISSUER}/{node}",
        "aud": audience,
        "sub": user,
        "sid": session,
        "jti": new_id(),
        "iat": issued,
        "exp": issued + max(1, int(life_s)),
    }
    return jwt.encode(claims, keys.signing, ALGORITHM, headers={"typ": typ, "kid": keys.first})


def read(keys: Keys, kind: str, node: str, token: str, *, expired: bool = False) -> Token:
    """Check a token. Raises Problem TOKEN_EXPIRED (unless `expired` ones are taken), TOKEN_INVALID.

    Pinned: algorithm, key id, type, issuer, audience, and that all claims are there (RFC 8725).
    """
    typ, audience = KINDS[kind]
    if len(token) > MOST_BYTES or not token.isascii():
        raise Problem("TOKEN_INVALID", "it is too long or not ASCII")
    try:
        head = jwt.get_unverified_header(token)
        key = keys.by_id.get(str(head.get("kid")))
        if head.get("typ") != typ or key is None or "crit" in head:
            _refuse(f"it is no {kind} token of a key in use")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=f"{ISSUER}/{node}",
            options={
                "require": CLAIMS,
                "verify_exp": not expired,
                "strict_aud": True,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.ExpiredSignatureError:
        raise Problem("TOKEN_EXPIRED") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Problem("TOKEN_INVALID", f"{type(error).__name__}") from None
    if not isinstance(claims["sub"], str) or not isinstance(claims["sid"], str):
        _refuse("it names no session")
    return Token(claims["sub"], claims["sid"], float(claims["exp"]))


def digest(token: str) -> bytes:
    """What is stored of a refresh token."""
    return hashlib.sha256(token.encode()).digest()


def _refuse(reason: str) -> NoReturn:
    raise Problem("TOKEN_INVALID", reason)
