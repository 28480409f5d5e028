"""What people and systems ask of the web, and how often: for Locust, and for its test."""

from typing import NamedTuple


class Asked(NamedTuple):
    """A request: how often it is made, its path, and whether it takes an account."""

    weight: int
    path: str
    account: bool = True


ASKED = (
    Asked(20, "/api/v1/health", account=False),  # a load balancer, a watchdog
    Asked(6, "/api/v1/results?limit=50"),
    Asked(4, "/api/v1/results?verdict=NG&limit=50"),
    Asked(2, "/api/v1/statistics"),
    Asked(2, "/api/v1/programs"),
    Asked(2, "/api/v1/stations"),
    Asked(1, "/api/v1/auth/me"),
    Asked(1, "/app/sign-in", account=False),
)
