"""Proving who one is: password, second factor, and how often it may be tried."""

import hashlib
import hmac
import time
from datetime import UTC, datetime

import pyotp
from argon2.low_level import Type, hash_secret_raw

from schemas import Problem, User
from schemas.store.accounts import known_key
from web.access import Person
from web.address import counted
from web.bodies import Proof
from web.identity import account_of
from web.password import matches, outdated, rehashed, turn
from web.site import Site, actor

FREE_BY_USER = 5
FREE_BY_ADDRESS = 20
STEP_S = 30
STEPS = (0, -1, 1)  # the clocks may differ by one step (RFC 6238, 5.2)


def prove(here: Site, username: str, password: str, code: str | None, recovery_code: str | None) -> User:
    """The account whose password, and second factor if it has one, these are.

    Raises Problem LOCKED_OUT, CREDENTIALS_INVALID, TWO_FACTOR_REQUIRED, TWO_FACTOR_INVALID, BUSY. An account that is not
    there, or is disabled, answers as one whose password is wrong, and as late.
    """
    with turn():
        return _proven(here, username, password, code, recovery_code)


def _proven(here: Site, username: str, password: str, code: str | None, recovery_code: str | None) -> User:
    address = actor()["address"]
    user = account_of(here, username) if len(username) <= 32 else None
    by_user, by_address = f"user:{username}", f"address:{counted(address)}"
    if user is not None and here.accounts.known(user.id, address):
        by_user = known_key(username, address)  # nobody elsewhere keeps somebody from signing in where they always do
    wait_s = here.accounts.attempt({by_user: FREE_BY_USER, by_address: FREE_BY_ADDRESS})
    if wait_s > 0:
        raise Problem("LOCKED_OUT", retry_after_s=int(wait_s) + 1)
    hashed = user.password_hash if user is not None and not user.disabled else None
    try:
        right = matches(password, hashed)
    except Problem:  # BUSY: nothing was tried
        here.accounts.take_back(by_user, by_address)
        raise
    if not right or user is None:
        _failed(here, user, by_user, "password")
        raise Problem("CREDENTIALS_INVALID")
    factor = here.accounts.twofactor(user.id)
    if factor is not None and factor.enabled:
        if code is None and recovery_code is None:
            here.accounts.take_back(by_user, by_address)  # not forget: else the code could be guessed for ever
            raise Problem("TWO_FACTOR_REQUIRED")
        if not _second(here, user, factor.secret, code, recovery_code):
            _failed(here, user, by_user, "code")
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
    prove(here, person.username, proof.own_password, proof.own_code, proof.own_recovery_code)


def refuse_unused(here: Site, user: User) -> None:
    """Raises Problem PASSWORD_EXPIRED where a password that somebody else has chosen was not replaced in time."""
    hours = here.settings.web.initial_password_hours
    if user.password_initial and hours and _age_h(user.password_changed_at) > hours:
        raise Problem("PASSWORD_EXPIRED", f"it was good for {hours:g} hours")


def _age_h(at: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds() / 3600


def step_of(secret: str, code: str) -> int | None:
    """The time step whose code this is, None if it is that of no step around now."""
    totp = pyotp.TOTP(secret)
    now = int(time.time()) // STEP_S
    for offset in STEPS:
        if hmac.compare_digest(totp.generate_otp(now + offset), code):
            return now + offset
    return None


def recovery_digest(user: str, code: str) -> bytes:
    """What is stored of a recovery code: argon2id, salted by the account, with what OWASP asks for at least."""
    salt = hashlib.sha256(b"recovery code of " + user.encode()).digest()[:16]
    return hash_secret_raw(_plain(code), salt, time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, type=Type.ID)


def _plain(code: str) -> bytes:
    return code.replace("-", "").replace(" ", "").lower().encode()


def _second(here: Site, user: User, secret: str, code: str | None, recovery_code: str | None) -> bool:
    if code is not None:
        step = step_of(secret, code)
        return step is not None and here.accounts.use_step(user.id, step)
    assert recovery_code is not None
    who = {**actor(), "username": user.username}
    before = hashlib.sha256(_plain(recovery_code)).digest()  # codes of earlier versions
    return any(here.accounts.use_recovery(user.id, each, who) for each in (recovery_digest(user.id, recovery_code), before))


def _failed(here: Site, user: User | None, by_user: str, what: str) -> None:
    here.audit("sign-in.failed", user.id if user is not None else "", what=what)
    if user is not None and here.accounts.failures(by_user) == FREE_BY_USER:
        here.audit("user.locked", user.id)
        here.event("user.locked", username=user.username)
