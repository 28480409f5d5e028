"""What the routes of the history share: the filter that was asked for."""

from flask import Blueprint

from schemas.store.history.filter import Filter

history = Blueprint("history", __name__, url_prefix="/api/v1")
SLOW = ("QUERY_LIMIT",)


def filter_of(query: Filter) -> Filter:
    """The filter alone, of a query that asks for more."""
    return Filter(**{name: getattr(query, name) for name in Filter.model_fields})
