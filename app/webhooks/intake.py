"""One address for each gateway account. What is believed is kept and answered; the work on it comes later.

400: the signature does not hold. 403: not from there. 404: no such account. 413: too large. 429: too often. 503: the
signature cannot be checked just now, send it again. Of all these nothing is kept. A 2xx means that the notices are
kept for good.
"""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, make_response, request
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound, ServiceUnavailable

from app import clock
from app.actors import Actor, current_actor
from app.db import tenant_scope, transaction
from app.gateways.errors import GatewayUnavailable, InvalidSignature
from app.gateways.types import Notice, RawRequest
from app.logs import logger
from app.services import inbox
from app.services.history import audit
from app.webhooks import brakes, doors
from app.webhooks.doors import Door
from app.webhooks.keeping import Brought, tray

MAX_BYTES = 512_000  # gateways send a few kilobytes, batches of notices some more

routes = Blueprint("webhooks", __name__, url_prefix="/webhooks")
log = logger(__name__)


@routes.post("/<gateway>/<webhook_key>")
def take(gateway: str, webhook_key: str) -> Response:
    """A webhook, as most gateways send it."""
    return _take(gateway, webhook_key)


@routes.get("/<gateway>/<webhook_key>")
def take_by_get(gateway: str, webhook_key: str) -> Response:
    """A webhook that stands in the address, as some gateways send it."""
    return _take(gateway, webhook_key)


@routes.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response:
    """A program reads the answer, and a person the log of that program."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    answer = make_response(jsonify(error=error.description), status)
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Retry-After")
    return answer


def _take(gateway: str, webhook_key: str) -> Response:
    door = doors.find(gateway, webhook_key)
    brakes.count(door.account_id if door else "nobody", request.remote_addr)
    if door is None:
        raise NotFound("There is no gateway account with this address.")
    request.max_content_length = MAX_BYTES
    webhook = RawRequest(
        request.get_data(),
        {name.lower(): value for name, value in request.headers.items()},
        request.args.to_dict(),
        clock.now(),
    )
    if not door.lets_in(request.remote_addr):
        _refused(door, "sender_not_allowed")
        raise Forbidden("This account takes no webhooks from your address.")
    try:
        notices = _believed(door, gateway, webhook_key, webhook)
    except GatewayUnavailable as error:
        raise ServiceUnavailable(str(error)) from None
    if notices:
        tray().keep(Brought(door.tenant_id, inbox.seal(door.tenant_id, door.account_id, webhook, notices)))
    answer = door.adapter.webhook_answer(webhook)
    return jsonify(answer) if answer else make_response("")


def _believed(door: Door, gateway: str, webhook_key: str, webhook: RawRequest) -> Sequence[Notice]:
    """The notices, if the signature holds: by the credentials that we remember, or by those that replaced them."""
    try:
        return door.adapter.parse_webhook(webhook)
    except InvalidSignature:
        pass
    try:
        afresh = doors.look_up(gateway, webhook_key)
        return afresh.adapter.parse_webhook(webhook) if afresh else []
    except InvalidSignature as error:
        _refused(door, "invalid_signature")
        raise BadRequest(str(error)) from None


def _refused(door: Door, code: str) -> None:
    log.warning("webhook refused", account=door.account_id, code=code, sender=request.remote_addr)
    if brakes.is_news(door.account_id, code):
        token = current_actor.set(Actor("gateway", None, request.remote_addr))
        with tenant_scope(door.tenant_id), transaction():
            audit("gateway_account.refuse_webhook", door.account_id, clock.now(), code=code)
        current_actor.reset(token)
