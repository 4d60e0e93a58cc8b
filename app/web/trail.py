"""The request id: taken over from whoever sent one, carried by every log line and event, told in the answer."""

from flask import Flask, Response, request, request_started

from app import logs


def register(app: Flask) -> None:
    """Begin the trail before anything else looks at the request, CSRF protection included."""
    request_started.connect(_begin, app)
    app.after_request(_tell)


def _begin(_app: Flask, **_extra: object) -> None:
    logs.start_trail(logs.given_trail(request.headers.get(logs.TRAIL_HEADER)))


def _tell(response: Response) -> Response:
    if trail := logs.request_id():
        response.headers[logs.TRAIL_HEADER] = trail
    return response
