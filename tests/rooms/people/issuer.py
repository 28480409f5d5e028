"""A small identity provider (OpenID Connect) on a thread: it says what a test tells it about a
person, lies included."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "inspection-node", "a secret of the provider 42"


class Issuer:
    """Signs in at once the person that `claims` describes. `lie` changes an ID token's claims;
    `key` and `alg` change what signs it."""

    def __init__(self) -> None:
        self.key: Any = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.published: list[Any] = [self.key]
        self.alg = "RS256"
        self.claims: dict[str, Any] = {
            "sub": "4711",
            "preferred_username": "Erna.Muster",
            "name": "Erna",
            "groups": ["visitors"],
        }
        self.lie: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.token: str | None = None  # in place of what it would sign
        self.about: dict[str, Any] = {}
        self.silent = threading.Event()  # while it is set, nothing is answered
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End."""
        self.silent.clear()
        self._server.shutdown()
        self._server.server_close()

    def visit(self, address: str) -> str:
        """What a browser does there: the address that it is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == CLIENT
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'session_state': 'x'})}"  # noqa: E501

    def answer(
        self, method: str, path: str, form: dict[str, str], authorization: str
    ) -> tuple[int, Any]:
        """Status and JSON."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            ends = {
                "authorization_endpoint": "/auth",
                "token_endpoint": "/token",
                "jwks_uri": "/keys",
            }
            if self.userinfo is not None:
                ends["userinfo_endpoint"] = "/me"
            return 200, {
                "issuer": self.url,
                **{name: self.url + at for name, at in ends.items()},
                **self.about,
            }
        if path == "/keys":
            return 200, {
                "keys": [
                    {"kty": "unknown"},
                    *(key.as_dict(private=False, use="sig") for key in self.published),
                ]
            }
        if path == "/me":
            return (200, self.userinfo) if authorization == "Bearer access" else (401, {})
        return (
            self._redeemed(form, authorization)
            if path == "/token" and method == "POST"
            else (404, {})
        )

    def _redeemed(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        if (
            asked is None
            or authorization != f"Basic {pair}"
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked["code_challenge_method"] != "S256" or unpadded(digest) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": asked["nonce"],
        }
        claims = {
            name: value
            for name, value in {**claims, **self.claims, **self.lie}.items()
            if value is not None
        }
        return 200, {
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": self.token or self.signed(claims),
        }

    def signed(self, claims: dict[str, Any]) -> str:
        """An ID token."""
        text = f"{unpadded(json.dumps({'alg': self.alg, 'kid': 'one'}).encode())}.{unpadded(json.dumps(claims).encode())}"  # noqa: E501
        if self.alg == "none":
            return f"{text}."
        # with the key that everybody knows: what a verifier that lets the token choose would take
        if self.alg == "HS256":
            secret = self.key.as_pem(private=False)
            return f"{text}.{unpadded(hmac.digest(secret, text.encode(), 'sha256'))}"
        return jwt.encode(
            {"alg": self.alg, "kid": self.key.kid}, claims, self.key, algorithms=[self.alg]
        )


def unpadded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def another_key(kid: str) -> Any:
    """A key that nobody has published, or the next one of the issuer."""
    return ECKey.generate_key("P-256", {"kid": kid}, private=True)


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            while issuer.silent.is_set():
                time.sleep(0.02)
            status, found = issuer.answer(
                self.command, self.path, form, self.headers.get("Authorization", "")
            )
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
