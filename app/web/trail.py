"""The request id: taken over from whoever sent one, carried by every log line and event, told in the answer."""

import re

from flask import Flask, Response, request, request_started

from app import logs

HEADER = "X-Request-Id"
ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def register(app: Flask) -> None:
    """Begin the trail before anything else looks at the request, CSRF protection included."""
    request_started.connect(_begin, app)
    app.after_request(_tell)


def _begin(_app: Flask, **_extra: object) -> None:
    given = request.headers.get(HEADER, "")
    logs.start_trail(given if ACCEPTED.fullmatch(given) else None)


def _tell(response: Response) -> Response:
    if trail := logs.request_id():
        response.headers[HEADER] = trail
    return response
