"""What people see when something cannot be done."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.domain.errors import BillingError, Conflict, IllegalTransition, InvalidInput, NotFound, NotPermitted


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (InvalidInput("The amount is negative."), 422),
        (NotFound("There is no invoice inv_1."), 404),
        (Conflict("The invoice is paid already."), 409),
        (IllegalTransition("A void invoice stays void."), 409),
        (NotPermitted("Your role does not allow this."), 403),
        (BillingError("This is refused."), 422),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_right_status(app: Flask, refusal: BillingError, status: int) -> None:
    with app.test_request_context("/"):
        answer = app.make_response(app.handle_user_exception(refusal))
    assert answer.status_code == status
    assert refusal.message in answer.get_data(as_text=True)


def test_a_failure_shows_no_traceback_and_tells_the_request_id(app: Flask) -> None:
    with app.test_request_context("/"):
        app.preprocess_request()
        answer = app.handle_exception(RuntimeError("secret detail of the inside"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.get_data(as_text=True)
    assert "secret detail" not in answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True)


def test_a_database_that_does_not_answer_is_said_so(app: Flask) -> None:
    failure = OperationalError("SELECT 1", {}, Exception("connection refused"))
    with app.test_request_context("/"):
        answer = app.make_response(app.handle_user_exception(failure))
    assert answer.status_code == 503
    assert "We cannot reach our database" in answer.get_data(as_text=True)
    assert "connection refused" not in answer.get_data(as_text=True)


def test_an_unknown_address(client: FlaskClient, tenant: str) -> None:
    answer = client.get("/nowhere", headers={"X-Request-Id": "trail-00001"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "trail-00001" in answer.text


def test_the_wrong_method_names_the_right_ones(client: FlaskClient, tenant: str) -> None:
    answer = client.get("/sign-out")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_body_over_the_limit(client: FlaskClient, tenant: str) -> None:
    answer = client.post("/sign-in", data={"email": "x" * 1_000_001})
    assert answer.status_code == 413
    assert "That was too large" in answer.text


def test_htmx_gets_a_message_instead_of_a_page(client: FlaskClient, tenant: str) -> None:
    answer = client.get("/nowhere", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#toasts"
    assert 'role="alert"' in answer.text
    assert "<html" not in answer.text


def test_a_boosted_link_gets_the_page(client: FlaskClient, tenant: str) -> None:
    answer = client.get("/nowhere", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert "<html" in answer.text
