"""`@once`: a form that creates or charges counts once, however often its button is pressed."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, make_response, request

from app import clock
from app.db import transaction
from app.domain.errors import BillingError, Conflict
from app.services import submissions
from app.web.auth_guard import person
from app.web.payer import payer
from app.web.rendering import go

FIELD = "submission"
View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Let forms carry a fresh key: `forms.form(..., once=True)` asks for it."""
    app.jinja_env.globals["new_submission_key"] = new_submission_key


def new_submission_key() -> str:
    """128 random bits for the hidden field of one form shown once."""
    return secrets.token_urlsafe(16)


def once(view: View) -> View:
    """Under `@requires` or `@by_link`, over a POST view whose form carries a key.

    A double is sent where the first one led, or gets 409 while that is still being done. A refused form gives its key
    back. After a failure it stays taken for the lease, because nobody knows how far the work came.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Response:
        sender, key = _sender(), request.form.get(FIELD, "")
        with transaction():
            taken = submissions.take(sender, key, request.path, clock.now())
        if taken:
            return _repeat(taken)
        try:
            response = make_response(view(*args, **kwargs))
        except BillingError:
            _release(sender, key)
            raise
        _conclude(sender, key, response)
        return response

    return cast(View, guarded)


def _sender() -> str:
    """Whose form it is; the keys of one are worth nothing to another. Holders of a link are known by its subject."""
    somebody = payer()
    return somebody.subject_id if somebody else person().user_id


def _repeat(taken: submissions.Taken) -> Response:
    if taken.location is None:
        raise Conflict(
            "This was sent twice, and the first one is still being done. Wait a moment, then look at the result.",
            code="submitted_twice",
        )
    return go(taken.location) if taken.location else Response(status=204, headers={"HX-Refresh": "true"})


def _conclude(sender: str, key: str, response: Response) -> None:
    """Remember where the answer led; an answer that was a fragment led nowhere, and its double reloads the page."""
    if response.status_code >= 400:
        _release(sender, key)
        return
    location = response.headers.get("HX-Redirect") or response.headers.get("Location") or ""
    with transaction():
        submissions.finish(sender, key, location)


def _release(sender: str, key: str) -> None:
    with transaction():
        submissions.release(sender, key)
