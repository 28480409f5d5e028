"""The identity provider as we ask it (OpenID Connect Core 1.0, authorization code with PKCE):
discovery, keys, code to claims.

Nothing that it does holds one of our threads for longer than LIMIT_S: the asking is done by threads
of their own, few at a time, and answers have a size. What it says is believed when a key of its own
has signed it, by an algorithm with such keys, for us, for this sign-in, now.
"""

import logging
import ssl
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future
from http.client import HTTPException
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from schemas import Problem, read_json
from schemas.base import plain
from schemas.settings.oidc import OidcSettings, is_reached_safely

log = logging.getLogger(__name__)
T = TypeVar("T")
LIMIT_S = 8.0  # for all that one request of ours asks the provider
SILENCE_S = 4.0  # of one answer, between two bytes
AT_ONCE = 4
MOST_BYTES = 256 * 1024
MOST_KEYS = 50
KEEP_S = 3600.0  # what it says of itself, and its keys
AGAIN_S = 10.0  # an unknown key is looked for this often at most
LEEWAY_S = 60  # its clock and ours may differ by this much
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)


class Claims(NamedTuple):
    """What the provider says of a person; `auth_time` when it asked for credentials, None if it
    does not say."""

    subject: str
    auth_time: float | None
    all: dict[str, Any]


class _Metadata(NamedTuple):
    authorization: str
    token: str
    keys: str
    userinfo: str | None
    basic: bool
    says_issuer: bool


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Our secret goes to the addresses that the issuer has told, and to no others."""

    def redirect_request(self, *_: object) -> None:
        """Follows no redirect."""


class Provider:
    """One provider. All methods raise Problem OIDC_AWAY, OIDC_REFUSED, BUSY."""

    def __init__(self, settings: OidcSettings, redirect: str) -> None:
        assert settings.issuer is not None
        assert settings.client_id is not None
        self._settings, self._issuer, self._client, self._redirect = (
            settings,
            settings.issuer,
            settings.client_id,
            redirect,
        )
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in."""
        more = {"prompt": "login", "max_age": "0"} if self._settings.ask_each_time else {}
        address: str = prepare_grant_uri(
            self._within(self._described).authorization,
            self._client,
            "code",
            self._redirect,
            " ".join(self._settings.scopes),
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **more,
        )
        return address

    def claims(self, code: str, issuer: str | None, nonce: str, verifier: str) -> Claims:
        """What it says of who came back with a code; `issuer` is what came back beside it (RFC
        9207)."""
        return self._within(lambda: self._exchanged(code, issuer, nonce, verifier))

    def _within(self, job: Callable[[], T]) -> T:
        """Do a job on another thread, and wait for it so long at most. Raises Problem BUSY at once
        if too many are being done."""
        if not self._places.acquire(blocking=False):
            raise Problem("BUSY", "too many are waiting for the identity provider", retry_after_s=5)
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(job())
            except BaseException as error:
                done.set_exception(error)
            finally:
                self._places.release()

        threading.Thread(target=work, name="identity provider", daemon=True).start()
        try:
            return done.result(LIMIT_S)
        except TimeoutError:
            raise Problem("OIDC_AWAY", f"it has not answered within {LIMIT_S:g} s") from None

    def _exchanged(self, code: str, issuer: str | None, nonce: str, verifier: str) -> Claims:
        about = self._described()
        if issuer != self._issuer and (issuer is not None or about.says_issuer):
            raise Problem("OIDC_REFUSED", "another issuer has answered")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
        }
        secret = (
            self._settings.client_secret.get_secret_value()
            if self._settings.client_secret is not None
            else None
        )
        headers = {}
        if secret is not None and about.basic:
            pair = f"{quote(self._client, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {
                "client_id": self._client,
                **({"client_secret": secret} if secret is not None else {}),
            }
        answer = self._ask(about.token, form, headers)
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or not token.isascii():
            raise Problem("OIDC_REFUSED", "it gave no ID token")
        claims = self._believed(token, nonce, access if isinstance(access, str) else None)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Problem("OIDC_REFUSED", "it names nobody")
        wanted = {self._settings.group_claim, self._settings.username_claim} - set(claims)
        if (
            wanted
            and about.userinfo is not None
            and isinstance(access, str)
            and access.isascii()
            and access.isprintable()
        ):
            more = self._ask(about.userinfo, None, {"Authorization": f"Bearer {access}"})
            if more.get("sub") != subject:
                raise Problem("OIDC_REFUSED", "it is about somebody else")
            claims = {**more, **claims}
        at = claims.get("auth_time")
        return Claims(
            subject,
            float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
            claims,
        )

    def _believed(self, token: str, nonce: str, access: str | None) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core, 3.1.3.7)."""
        options: Any = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self._client, "access_token": access}
        for fresh in (False, True):
            try:
                read = jwt.decode(token, self._signing_keys(fresh), algorithms=ALGORITHMS)
                break
            except (JoseError, ValueError, TypeError, KeyError) as error:
                # perhaps they have a new key
                if fresh:
                    raise Problem(
                        "OIDC_REFUSED",
                        f"its ID token is not signed by a key of its own ({type(error).__name__})",
                    ) from None
        believed = CodeIDToken(read.claims, read.header, options, params)
        try:
            believed.validate(now=int(time.time()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Problem(
                "OIDC_REFUSED", f"its ID token does not hold here: {plain(str(error), 100)}"
            ) from None
        return dict(read.claims)

    def _described(self) -> _Metadata:
        """What the provider says about itself, read again every hour."""
        kept = self._metadata
        if kept is not None and time.monotonic() - kept[0] < KEEP_S:
            return kept[1]
        said = self._ask(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration", None, {})
        if said.get("issuer") != self._issuer:
            raise Problem("OIDC_AWAY", "it calls itself another issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        for name in (
            *names,
            *(["userinfo_endpoint"] if said.get("userinfo_endpoint") is not None else []),
        ):
            if not isinstance(said.get(name), str) or not is_reached_safely(said[name]):
                raise Problem("OIDC_AWAY", f"its {name} is not https")
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic, says = (
            "client_secret_basic" in methods,
            said.get("authorization_response_iss_parameter_supported") is True,
        )
        authorization, token, keys = (str(said[name]) for name in names)
        metadata = _Metadata(authorization, token, keys, said.get("userinfo_endpoint"), basic, says)
        self._metadata = time.monotonic(), metadata
        return metadata

    def _signing_keys(self, fresh: bool) -> KeySet:
        """Its keys, read again every hour, and `fresh` for a token that none of them has signed."""
        kept = self._keys
        if kept is not None and time.monotonic() - kept[0] < (AGAIN_S if fresh else KEEP_S):
            return kept[1]
        listed = self._ask(self._described().keys, None, {}).get("keys")
        keys = []
        for each in listed[:MOST_KEYS] if isinstance(listed, list) else []:
            if (
                isinstance(each, dict)
                and each.get("kty") in ("RSA", "EC", "OKP")
                and each.get("use", "sig") == "sig"
            ):
                try:
                    keys.append(JWKRegistry.import_key(each))
                except (JoseError, ValueError, TypeError, KeyError):
                    # a kind that we do not know
                    continue
        key_set = KeySet(keys)
        self._keys = time.monotonic(), key_set
        return key_set

    def _ask(
        self, url: str, form: dict[str, str] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        data = urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(
            url, data, {"Accept": "application/json", "User-Agent": "inspection-node", **headers}
        )
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
            opener = urllib.request.build_opener(
                _NoRedirect, urllib.request.HTTPSHandler(context=context)
            )
            with opener.open(request, timeout=SILENCE_S) as answer:
                body = answer.read(MOST_BYTES + 1)
            document = read_json(body, limit=MOST_BYTES)
        except urllib.error.HTTPError as error:
            error.close()
            if form is not None and error.code in (400, 401, 403):
                raise Problem(
                    "OIDC_REFUSED", f"it does not take the code, or not from us ({error.code})"
                ) from None
            raise Problem("OIDC_AWAY", f"it answers {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            log.warning(
                "the identity provider: %s: %s", type(error).__name__, plain(str(error), 200)
            )
            raise Problem("OIDC_AWAY", type(error).__name__) from None
        except Problem as problem:
            raise Problem("OIDC_AWAY", plain(problem.message, 200)) from None
        if not isinstance(document, dict):
            raise Problem("OIDC_AWAY", "its answer is not an object")
        return document
