"""What people see when something cannot be done: what is wrong, what to do, and the request id. Never a traceback."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, flash, make_response, render_template, session, url_for
from flask_wtf.csrf import CSRFError
from htmx_flask import request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from app.domain.errors import BillingError, Conflict, InvalidInput, NotFound, NotPermitted
from app.logs import logger, request_id
from app.web.rendering import go, wants_fragment

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a page or a toast says: a title, and a sentence on what to do."""

    title: str
    advice: str


TROUBLES = {
    400: Trouble("We could not read that request", "Go back, load the page again and repeat what you did."),
    403: Trouble("You may not do this", "Ask an owner of your workspace if you need to."),
    404: Trouble("There is nothing here", "Check the address, or look for it from the start page."),
    405: Trouble("That cannot be done here", "Go back and use the buttons of the page."),
    409: Trouble("That does not fit any more", "Load the page again to see how things stand now."),
    413: Trouble("That was too large", "Send less text or a smaller file."),
    422: Trouble("Something is not right yet", "Go back, correct it and try again."),
    429: Trouble("Too many tries", "Wait a little, then try again."),
    500: Trouble("Something broke on our side", "Try again. If it stays, tell support the number below."),
    503: Trouble("We cannot reach our database", "Nothing was changed. Try again in a minute."),
}
STALE = Trouble("This page was open for too long", "Load it again and repeat what you did. Nothing was changed.")
REFUSALS: tuple[tuple[type[BillingError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (NotPermitted, 403),
    (BillingError, 422),
)


def register(app: Flask) -> None:
    """Answer every refusal, every HTTP error and every failure. A blueprint with handlers of its own goes first."""
    app.register_error_handler(BillingError, _refused)
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InternalServerError, _broken)
    app.register_error_handler(OperationalError, _no_database)


def _refused(refusal: BillingError) -> Response:
    status = next(status for kind, status in REFUSALS if isinstance(refusal, kind))
    return _say(status, Trouble(TROUBLES[status].title, refusal.message))


def _stale(_error: CSRFError) -> Response:
    return _say(400, STALE)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == HTTPStatus.UNAUTHORIZED:
        return _to_sign_in()
    fallback = Trouble(HTTPStatus(status).phrase, TROUBLES[400].advice)
    response = _say(status, TROUBLES.get(status, fallback))
    response.headers.extend((name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After"))
    return response


def _broken(_error: InternalServerError) -> Response:
    return _say(500, TROUBLES[500], _without_reader)


def _no_database(error: OperationalError) -> Response:
    log.error("the database does not answer", error=str(error.orig))
    return _say(503, TROUBLES[503], _without_reader)


def _say(status: int, trouble: Trouble, render: Callable[..., str] = render_template) -> Response:
    """A page; for HTMX a toast, wherever the answer was meant to go."""
    words = {"status": status, "trouble": trouble, "request_id": request_id()}
    if not wants_fragment():
        page = "errors/broken.html" if render is _without_reader else "errors/error.html"
        return make_response(render(page, **words), status)
    response = make_response(render("errors/_error.html", **words), status)
    response.headers.update({"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"})
    return response


def _without_reader(template: str, **context: object) -> str:
    """Render without asking who is signed in, which may be just what fails."""
    return current_app.jinja_env.get_template(template).render(**context)


def _to_sign_in() -> Response:
    """Whoever is not signed in, or no longer, signs in and then comes back to the page they were on."""
    if session.pop("_user_id", None):
        flash("Your session has ended. Sign in again.", "info")
    return go(url_for("auth.sign_in", next=_page_in_view()))


def _page_in_view() -> str | None:
    if wants_fragment():
        seen = urlsplit(request.htmx.current_url or "")
        return f"{seen.path}?{seen.query}".rstrip("?") or None
    return request.full_path.rstrip("?") if request.method == "GET" else None
