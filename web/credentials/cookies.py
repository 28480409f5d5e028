"""The cookies of a session: `__Host-`, HttpOnly, Secure, SameSite=Strict, for the whole site and no
other.

Browsers take Secure cookies over https only. To try it without a certificate, names without the
prefix are used where nobody else can listen: bound to a loopback address, and not in production.
"""

from flask import Response, request

from schemas import Settings

ACCESS = "access"
REFRESH = "refresh"
# while an identity provider is asked: the way back is from another site, so this one is Lax
PROVIDER = "provider"


def plain(settings: Settings) -> bool:
    """Whether the cookies go without Secure and without a prefix."""
    return settings.web.loopback and settings.environment != "production"


def name(settings: Settings, kind: str) -> str:
    """The cookie's name on the wire."""
    return f"inspection-{kind}" if plain(settings) else f"__Host-inspection-{kind}"


def get(settings: Settings, kind: str) -> str | None:
    """The cookie's value in this request; an empty cookie counts as none."""
    return request.cookies.get(name(settings, kind)) or None


def there(settings: Settings) -> bool:
    """Whether this request carries any of our cookies."""
    return any(get(settings, kind) is not None for kind in (ACCESS, REFRESH))


def put(answer: Response, settings: Settings, kind: str, value: str, life_s: float) -> None:
    """Set a cookie."""
    strict = "Lax" if kind == PROVIDER else "Strict"
    answer.set_cookie(
        name(settings, kind),
        value,
        int(life_s),
        path="/",
        secure=not plain(settings),
        httponly=True,
        samesite=strict,
    )


def clear(answer: Response, settings: Settings) -> None:
    """Take all of our cookies back."""
    for kind in (ACCESS, REFRESH):
        put(answer, settings, kind, "", 0)
