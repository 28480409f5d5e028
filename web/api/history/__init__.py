"""The history: pages of results, one result, pictures, exports and figures."""

from web.api.history import recent, results, statistics
from web.api.history.base import history

__all__ = ["history", "recent", "results", "statistics"]
