"""Refusals and failures as RFC 9457 problem documents: one table from errors to statuses."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from flask import Response, json
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import OperationalError, StatementError
from werkzeug.exceptions import HTTPException

from app import logs
from app.api.refusals import Malformed, TooManyRequests, Unauthenticated, UnsupportedMedia
from app.domain.errors import BillingError, Conflict, InvalidInput, NotFound, NotPermitted
from app.gateways.errors import GatewayError, GatewayRefused, GatewayUnavailable, OutcomeUnknown

log = logs.logger(__name__)

MEDIA_TYPE = "application/problem+json"

# The first class that an error belongs to decides.
STATUSES: Mapping[type[BillingError], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    NotPermitted: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    BillingError: HTTPStatus.UNPROCESSABLE_ENTITY,
}

# A gateway's answer while something is set up; what comes of a payment is no error but its status.
GATEWAY_PROBLEMS: Mapping[type[GatewayError], tuple[HTTPStatus, str]] = {
    GatewayRefused: (HTTPStatus.UNPROCESSABLE_ENTITY, "gateway_refused"),
    GatewayUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "gateway_unavailable"),
    OutcomeUnknown: (HTTPStatus.BAD_GATEWAY, "gateway_no_answer"),
    GatewayError: (HTTPStatus.BAD_GATEWAY, "gateway_failed"),
}

# Werkzeug's own exceptions, in our words.
HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address: see /docs for what there is."),
    405: ("method_not_allowed", "This address has no such method: the Allow header names those it has."),
    413: ("body_too_large", "The body is larger than this server takes."),
}


def refusal(error: BillingError) -> Response:
    """The answer to a request that was refused for a reason of ours."""
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    response = problem(status, error.code, error.message, errors=[asdict(fault) for fault in error.errors])
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Quittance"'
    if retry_after := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response


def gateway_problem(error: GatewayError) -> Response:
    """A gateway refused or did not answer while something was set up."""
    status, code = next(answer for kind, answer in GATEWAY_PROBLEMS.items() if isinstance(error, kind))
    log.warning("gateway problem", code=code, error=str(error))
    return problem(status, code, str(error))


def http_problem(error: HTTPException) -> Response:
    """What Flask itself refuses: unknown addresses and methods, bodies that are too large."""
    status = HTTPStatus(error.code or 500)
    code, detail = HTTP_CODES.get(status, (status.phrase.lower().replace(" ", "_"), status.description))
    response = problem(status, code, detail)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name == "Allow"])
    return response


def statement_problem(error: StatementError) -> Response:
    """Something that is no id was looked up, two requests wanted the same unique thing, or the database is away."""
    if isinstance(error.orig, BillingError):
        return refusal(error.orig)
    if isinstance(error.orig, UniqueViolation):
        log.warning("lost a race", error=str(error.orig))
        return problem(HTTPStatus.CONFLICT, "conflict", "Another request was faster: read again, then try again.")
    if isinstance(error, OperationalError):
        log.error("the database does not answer", error=str(error.orig))
        detail = "The database cannot be reached: try again in a minute, with the same Idempotency-Key."
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail)
    return failure(error)


def failure(error: Exception) -> Response:
    """A fault of ours: the details go into the log, and only there."""
    log.error("request failed", exc_info=error)
    detail = "Something went wrong here. It was logged under the request_id; trying again later may help."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail)


def problem(status: HTTPStatus, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    """A problem document. `errors` names the fields that are wrong."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "errors": errors or [],
        "request_id": logs.request_id(),
    }
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=MEDIA_TYPE)
