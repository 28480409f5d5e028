"""Proving who one is: password, second factor, and how often it may be tried."""

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import pyotp
from argon2.low_level import Type, hash_secret_raw

from schemas import Problem, User
from schemas.store.accounts.lockouts import known_key
from schemas.store.accounts.twofactor import Second
from web.access import Person
from web.address import counted
from web.credentials import ceremony
from web.credentials.factor import Factor, Proof
from web.credentials.password import matches, outdated, rehashed, turn
from web.identity import account_of
from web.site import Site, actor

FREE_BY_USER = 5
FREE_BY_ADDRESS = 20
STEP_S = 30
RECOVERY_CODES = 10
RECOVERY_COST = {"time_cost": 2, "memory_cost": 19 * 1024}  # KiB
STEPS = (0, -1, 1)  # the clocks may differ by one step (RFC 6238, 5.2)
PROOF = ("CREDENTIALS_INVALID", "LOCKED_OUT", "TWO_FACTOR_REQUIRED", "TWO_FACTOR_INVALID")


def prove(
    here: Site, username: str, password: str, factor: Factor | None, session: str = ""
) -> User:
    """The account whose password, and second factor if it has one, these are; `session` is that of
    who is signed in.

    Raises Problem LOCKED_OUT, CREDENTIALS_INVALID, TWO_FACTOR_REQUIRED, TWO_FACTOR_INVALID, BUSY.
    An account that is not there, is disabled or has no password answers as one whose password is
    wrong, and as late. What TWO_FACTOR_REQUIRED tells of the account, and the challenge for its
    passkeys, is for whoever knows the password only.
    """
    if session and here.user(username).subject is not None:
        raise Problem(
            "PROOF_REQUIRED",
            "an account of the identity provider has no password here: this needs a local one",
        )
    with turn():
        return _proven(here, username, password, factor or Factor(), session)


def _proven(here: Site, username: str, password: str, factor: Factor, session: str) -> User:
    address = actor()["address"]
    user = account_of(here, username) if len(username) <= 32 else None
    by_user, by_address = f"user:{username}", f"address:{counted(address)}"
    if user is not None and here.accounts.known(user.id, address):
        # nobody elsewhere can keep people from signing in where they always do
        by_user = known_key(username, address)
    wait_s = here.accounts.attempt({by_user: FREE_BY_USER, by_address: FREE_BY_ADDRESS})
    if wait_s > 0:
        raise Problem("LOCKED_OUT", retry_after_s=int(wait_s) + 1)
    hashed = (
        user.password_hash or None
        if user is not None and not user.disabled and user.subject is None
        else None
    )
    try:
        right = matches(password, hashed)
    except Problem:  # BUSY: nothing was tried
        here.accounts.take_back(by_user, by_address)
        raise
    if not right or user is None:
        _failed(here, user, by_user, "password")
        raise Problem("CREDENTIALS_INVALID")
    second = here.accounts.factors.of(user.id)
    if second.on:
        if not factor.given:
            # take_back, not forget: otherwise the code could be guessed for ever
            here.accounts.take_back(by_user, by_address)
            raise Problem("TWO_FACTOR_REQUIRED", **_choices(here, user, second, session))
        wrong = _wrong(here, user, second, factor, session)
        if wrong is not None:
            _failed(here, user, by_user, wrong)
            raise Problem("TWO_FACTOR_INVALID")
    here.accounts.take_back(by_address)
    here.accounts.forget(by_user)
    if outdated(user.password_hash):
        here.users.rehash(user.id, user.password_hash, rehashed(password))
    return user


def ask_again(here: Site, person: Person, proof: Proof) -> None:
    """Who is signed in says password and second factor again, before somebody gets other rights.

    Raises Problem PROOF_REQUIRED, and what prove() does.
    """
    if proof.own_password is None:
        raise Problem("PROOF_REQUIRED")
    prove(here, person.username, proof.own_password, proof.own_factor, person.session)


def refuse_unused(here: Site, user: User) -> None:
    """Raises Problem PASSWORD_EXPIRED if a password chosen by somebody else was not replaced in
    time."""
    hours = here.settings.web.initial_password_hours
    if user.password_initial and hours and _age_h(user.password_changed_at) > hours:
        raise Problem("PASSWORD_EXPIRED", f"it was good for {hours:g} hours")


def _age_h(at: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() / 3600


def step_of(secret: str, code: str) -> int | None:
    """The time step that this code belongs to; None if it belongs to none around now."""
    totp = pyotp.TOTP(secret)
    now = int(time.time()) // STEP_S
    for offset in STEPS:
        if hmac.compare_digest(totp.generate_otp(now + offset), code):
            return now + offset
    return None


def recovery_digest(user: str, code: str) -> bytes:
    """What is stored of a recovery code: argon2id, salted by the account, with what OWASP asks for
    at least."""
    salt = hashlib.sha256(b"recovery code of " + user.encode()).digest()[:16]
    return hash_secret_raw(
        _plain(code), salt, **RECOVERY_COST, parallelism=1, hash_len=32, type=Type.ID
    )


def _plain(code: str) -> bytes:
    return code.replace("-", "").replace(" ", "").lower().encode()


def _choices(here: Site, user: User, second: Second, session: str) -> dict[str, Any]:
    """By which factors the account may be opened from here, and what its passkeys have to sign."""
    here_now = ceremony.request_options(here, user, second.passkeys, session)
    names = {
        "code": second.totp is not None and second.totp.enabled,
        "passkey": here_now,
        "recovery_code": second.recovery_left,
    }
    return {
        "factors": [name for name, there in names.items() if there],
        **({"passkey": here_now} if here_now else {}),
    }


def _wrong(here: Site, user: User, second: Second, factor: Factor, session: str) -> str | None:
    """Which of the factors that were given is wrong; None if all are right."""
    if factor.code is not None:
        step = (
            step_of(second.totp.secret, factor.code)
            if second.totp is not None and second.totp.enabled
            else None
        )
        if step is None or not here.accounts.factors.use_step(user.id, step):
            return "code"
    if factor.passkey is not None and not ceremony.signed(
        here, user, second.passkeys, factor.passkey, session
    ):
        return "passkey"
    if factor.recovery_code is not None:
        who = {**actor(), "username": user.username}
        text = factor.recovery_code
        # the second one: from earlier versions
        digests = recovery_digest(user.id, text), hashlib.sha256(_plain(text)).digest()
        if not any(here.accounts.factors.use_recovery(user.id, each, who) for each in digests):
            return "recovery code"
    return None


def _failed(here: Site, user: User | None, by_user: str, what: str) -> None:
    here.audit("sign-in.failed", user.id if user is not None else "", what=what)
    if user is not None and here.accounts.failures(by_user) == FREE_BY_USER:
        here.audit("user.locked", user.id)
        here.event("user.locked", username=user.username)


def recovery_codes(here: Site, user: str) -> tuple[list[str], list[bytes]]:
    """Ten new codes, and what is stored of them, if this is the first factor of an account; else
    none."""
    if here.accounts.factors.on(user):
        return [], []
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    return codes, [recovery_digest(user, code) for code in codes]


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))
