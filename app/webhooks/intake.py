"""One address for each gateway account. What is believed is kept and answered; the work on it comes later.

400: the signature does not hold. 403: not from there. 404: no such account. 413: too large. 429: too often. 503: the
signature cannot be checked just now, send it again. Of all these nothing is kept. A 2xx means that the notices are
kept for good.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request

from app import clock, logs
from app.actors import Actor, current_actor
from app.db import tenant_scope, transaction
from app.gateways.errors import GatewayUnavailable, InvalidSignature
from app.gateways.types import Notice, RawRequest
from app.services import inbox
from app.services.history import audit
from app.webhooks import brakes, doors
from app.webhooks.doors import Door
from app.webhooks.keeping import Brought, tray

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ADDRESSES = "/webhooks/"
METHODS = ("GET", "POST")  # some gateways send a webhook that stands in the address
MAX_BYTES = 512_000  # gateways send a few kilobytes, batches of notices some more
HEADERS = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))

log = logs.logger(__name__)


class Answer(NamedTuple):
    """A program reads it, and a person the log of that program."""

    status: HTTPStatus
    said: Mapping[str, object] = {}
    headers: Sequence[tuple[str, str]] = ()


class Intake:
    """A WSGI application that takes webhooks in, and leaves everything else to the pages.

    Gateways know no session, cookie or form, and there may come a thousand in a second: they pass by all of that.
    """

    def __init__(self, app: Flask) -> None:
        self._app, self._pages = app, app.wsgi_app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(ADDRESSES):
            return self._pages(environ, start_response)
        trail = logs.start_trail(logs.given_trail(environ.get("HTTP_X_REQUEST_ID")))
        with self._app.app_context():
            answer = _answer(Request(environ, populate_request=False))
        body = json.dumps(answer.said).encode() if answer.said else b""
        headers = [*HEADERS, *answer.headers, ("Content-Length", str(len(body))), (logs.TRAIL_HEADER, trail)]
        start_response(f"{answer.status} {answer.status.phrase}", headers)
        return [body]


def _answer(request: Request) -> Answer:
    try:
        return Answer(HTTPStatus.OK, _take(request))
    except HTTPException as error:
        told = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
        return Answer(HTTPStatus(error.code or 500), {"error": error.description}, told)
    except GatewayUnavailable as error:
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)})
    except Exception:
        log.exception("webhook not taken")
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "Something broke here. Send it again later."})


def _take(request: Request) -> Mapping[str, str | int]:
    """Keep what a webhook brings; gives what its gateway wants to hear."""
    if request.method not in METHODS:
        raise MethodNotAllowed(METHODS)
    gateway, _, webhook_key = request.path.removeprefix(ADDRESSES).partition("/")
    door = doors.find(gateway, webhook_key)
    brakes.count(door.account_id if door else "nobody", request.remote_addr)
    if door is None:
        raise NotFound("There is no gateway account with this address.")
    webhook = _read(request)
    if not door.lets_in(request.remote_addr):
        _refused(door, "sender_not_allowed", request.remote_addr)
        raise Forbidden("This account takes no webhooks from your address.")
    if notices := _believed(door, webhook, request):
        tray().keep(Brought(door.tenant_id, inbox.seal(door.tenant_id, door.account_id, webhook, notices)))
    return door.adapter.webhook_answer(webhook)


def _read(request: Request) -> RawRequest:
    request.max_content_length = MAX_BYTES
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = request.args.to_dict() if request.query_string else {}
    return RawRequest(request.get_data(cache=False), headers, query, clock.now())


def _believed(door: Door, webhook: RawRequest, request: Request) -> Sequence[Notice]:
    """The notices, if the signature holds: by the credentials that we remember, or by those that replaced them."""
    try:
        return door.adapter.parse_webhook(webhook)
    except InvalidSignature:
        pass
    try:
        afresh = doors.look_up(door.gateway, door.webhook_key)
        return afresh.adapter.parse_webhook(webhook) if afresh else []
    except InvalidSignature as error:
        _refused(door, "invalid_signature", request.remote_addr)
        raise BadRequest(str(error)) from None


def _refused(door: Door, code: str, sender: str | None) -> None:
    log.warning("webhook refused", account=door.account_id, code=code, sender=sender)
    if brakes.is_news(door.account_id, code):
        token = current_actor.set(Actor("gateway", None, sender))
        with tenant_scope(door.tenant_id), transaction():
            audit("gateway_account.refuse_webhook", door.account_id, clock.now(), code=code)
        current_actor.reset(token)
