"""Answers are compressed for clients that accept it; event streams, pictures, bundles and short
answers go as they are."""

from flask import Flask, Response, request

from web.response import LEAST, packed

TYPES = ("text/html", "application/json", "application/schema+json", "text/plain", "text/csv")


def register(app: Flask) -> None:
    """Compress the answers of an application."""
    app.after_request(_compress)


def _compress(answer: Response) -> Response:
    # before anything is parsed
    if isinstance(answer.response, list) and sum(map(len, answer.response)) < LEAST:
        return answer
    if answer.mimetype not in TYPES or answer.direct_passthrough or answer.is_streamed:
        return answer
    answer.vary.add("Accept-Encoding")
    if (
        "Content-Encoding" in answer.headers
        or answer.status_code in (204, 304)
        or request.method == "HEAD"
    ):
        return answer
    if request.accept_encodings["gzip"] <= 0:
        return answer
    data = answer.get_data()
    if len(data) < LEAST:
        return answer
    answer.set_data(packed(data))
    answer.headers["Content-Encoding"] = "gzip"
    tag, weak = answer.get_etag()
    if tag is not None and not weak:  # the same content in another form
        answer.set_etag(tag, weak=True)
    return answer
