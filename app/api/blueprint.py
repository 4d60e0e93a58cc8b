"""The blueprint of version 1, and what happens to every request before and after its view."""

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import StatementError
from werkzeug.exceptions import HTTPException

from app.api import bodies, callers, problems, rates
from app.domain.errors import BillingError
from app.gateways.errors import GatewayError

v1 = Blueprint("v1", __name__, url_prefix="/v1")

# In this order: nobody is counted or read before they are known.
for step in (callers.admit, rates.count, bodies.read):
    v1.before_request(step)
v1.after_request(rates.show)
v1.teardown_request(callers.leave)

v1.register_error_handler(BillingError, problems.refusal)
v1.register_error_handler(GatewayError, problems.gateway_problem)
v1.register_error_handler(HTTPException, problems.http_problem)
v1.register_error_handler(StatementError, problems.statement_problem)
v1.register_error_handler(Exception, problems.failure)


def answer_unknown_addresses(app: Flask) -> None:
    """Answer like the API for addresses and methods below /v1 that it does not have: no blueprint gets to see those."""

    @app.before_request
    def refuse() -> Response | None:
        error = request.routing_exception
        below = request.path == v1.url_prefix or request.path.startswith(f"{v1.url_prefix}/")
        return problems.http_problem(error) if below and isinstance(error, HTTPException) else None
