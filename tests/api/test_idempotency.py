"""The same POST twice does its work once and gets one answer, also at the same time, also after a crash."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from app.db import session, tenant_scope, transaction
from app.domain.errors import Conflict
from app.gateways.sandbox_bank import SandboxBank
from app.models import Customer, IdempotencyKey, Payment, PaymentMethod, Refund
from app.services import idempotency
from app.settings import current_settings
from tests.api.conftest import Api, Shop, invoice_to_pay, key_of

ADA = {"name": "Ada", "email": "ada@example.com"}


def how_many(app: Flask, tenant: str, model: Any) -> int:
    with app.app_context(), tenant_scope(tenant):
        return session().scalar(select(func.count()).select_from(model)) or 0


def in_shop(app: Flask, tenant: str, work: Callable[[], Any]) -> Any:
    """Do something to the tenant's rows behind the API's back."""
    with app.app_context(), tenant_scope(tenant), transaction():
        return work()


def crash_before_the_answer_was_kept(app: Flask, tenant: str, *, locked: bool = False) -> None:
    """Leave every key as a process leaves it that was killed after its work; its lock is over unless `locked`."""
    until = func.now() + timedelta(seconds=90) if locked else func.now() - timedelta(seconds=1)
    unanswered = update(IdempotencyKey).values(status=None, body=None, headers={}, locked_until=until)
    in_shop(app, tenant, lambda: session().execute(unanswered))


def bank_book(app: Flask) -> SandboxBank:
    with app.app_context():
        return SandboxBank(current_settings().quittance_data_dir / "gateways" / "sandbox-bank.sqlite3")


def test_the_same_request_gets_the_first_answer_again(app: Flask, tenant: str, api: Api) -> None:
    first = api("POST", "/v1/customers", ADA, Idempotency_Key="one", expect=201)
    again = api("POST", "/v1/customers", ADA, Idempotency_Key="one", expect=201)
    assert again.data == first.data
    assert again.content_type == first.content_type
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert how_many(app, tenant, Customer) == 1


def test_how_the_json_is_laid_out_does_not_matter(api: Api) -> None:
    first = api("POST", "/v1/customers", ADA, Idempotency_Key="one", expect=201)
    turned = dict(reversed(ADA.items()))
    assert api("POST", "/v1/customers", turned, Idempotency_Key="one", expect=201).data == first.data


@pytest.mark.parametrize(("path", "body"), [("/v1/customers", {**ADA, "name": "Bob"}), ("/v1/products", {"name": "P"})])
def test_another_request_with_the_same_key_is_refused(api: Api, path: str, body: dict[str, str]) -> None:
    api.post("/v1/customers", ADA, Idempotency_Key="one")
    assert api.post(path, body, expect=409, Idempotency_Key="one")["code"] == "idempotency_key_reused"


def test_keys_of_different_applications_do_not_meet(app: Flask, tenant: str, api: Api) -> None:
    second = Api(app, key_of(app, tenant, "write"))
    assert (
        api.post("/v1/customers", ADA, Idempotency_Key="one")["id"]
        != (second.post("/v1/customers", ADA, Idempotency_Key="one")["id"])
    )


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ключ".encode().decode("latin-1")])
def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    assert api.post("/v1/customers", ADA, expect=422, Idempotency_Key=key)["code"] == "invalid_idempotency_key"


def test_a_refusal_is_not_kept_so_that_the_request_can_be_sent_again(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    body = {"invoice_id": invoice["id"]}
    assert api.post("/v1/payments", body, expect=409, Idempotency_Key="pay")["code"] == "no_payment_method"
    api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    assert api.post("/v1/payments", body, Idempotency_Key="pay")["status"] == "succeeded"


def test_a_failure_leaves_the_key_free(app: Flask, tenant: str, api: Api, shop: Shop) -> None:
    body = {"customer": shop.customer, "token": "tok_unknown"}
    assert api.post("/v1/payment-methods", body, expect=422, Idempotency_Key="pm")["code"] == "gateway_refused"
    assert in_shop(app, tenant, lambda: session().scalars(select(IdempotencyKey.locked_until)).all()) == [None]


def test_a_double_while_the_first_is_at_work_is_told_to_wait(app: Flask, tenant: str, api: Api) -> None:
    api.post("/v1/customers", ADA, Idempotency_Key="one")
    crash_before_the_answer_was_kept(app, tenant, locked=True)
    double = api("POST", "/v1/customers", ADA, Idempotency_Key="one", expect=409)
    assert (double.json["code"], int(double.headers["Retry-After"])) == ("idempotency_key_in_use", 2)


def test_doubles_at_the_same_time_do_the_work_once(app: Flask, tenant: str, api: Api) -> None:
    def send(_number: int) -> TestResponse:
        return api("POST", "/v1/customers", ADA, Idempotency_Key="one")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))
    assert how_many(app, tenant, Customer) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1


def test_doubles_of_a_payment_charge_once(app: Flask, tenant: str, api: Api, shop: Shop) -> None:
    api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    invoice = invoice_to_pay(api, shop.customer)

    def send(number: int) -> TestResponse:
        return api("POST", "/v1/payments", {"invoice_id": invoice["id"]}, Idempotency_Key=f"key-{number % 2}")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert how_many(app, tenant, Payment) == 1
    assert [charge.minor for charge in bank_book(app).charges() if charge.key in _ids(app, tenant, Payment)] == [10000]


def test_after_a_crash_a_payment_is_found_and_not_made_again(app: Flask, tenant: str, api: Api, shop: Shop) -> None:
    body = {"invoice_id": invoice_to_pay(api, shop.customer)["id"], "token": "tok_ok"}
    first = api.post("/v1/payments", body, Idempotency_Key="pay")
    crash_before_the_answer_was_kept(app, tenant)
    again = api("POST", "/v1/payments", body, Idempotency_Key="pay", expect=201)
    assert again.json == first
    assert "Idempotent-Replayed" not in again.headers
    assert (how_many(app, tenant, Payment), how_many(app, tenant, PaymentMethod)) == (1, 1)
    assert api("POST", "/v1/payments", body, Idempotency_Key="pay", expect=201).headers["Idempotent-Replayed"] == "true"


def test_after_a_crash_between_keeping_a_token_and_paying_the_method_is_used(
    app: Flask, tenant: str, api: Api, shop: Shop
) -> None:
    body = {"invoice_id": invoice_to_pay(api, shop.customer)["id"], "token": "tok_hard_decline"}
    first = api.post("/v1/payments", body, Idempotency_Key="pay")
    in_shop(app, tenant, lambda: session().execute(update(Payment).values(requested_by=None)))
    crash_before_the_answer_was_kept(app, tenant)
    again = api.post("/v1/payments", body, Idempotency_Key="pay")
    assert (again["id"] != first["id"], again["payment_method"]) == (True, first["payment_method"])
    assert how_many(app, tenant, PaymentMethod) == 1


def test_after_a_crash_a_refund_is_found_and_not_made_again(app: Flask, tenant: str, api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    payment = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    path, body = f"/v1/payments/{payment['id']}/refunds", {"amount": "40.00"}
    first = api.post(path, body, Idempotency_Key="refund")
    crash_before_the_answer_was_kept(app, tenant)
    assert api.post(path, body, Idempotency_Key="refund") == first
    assert how_many(app, tenant, Refund) == 1
    assert api.get(f"/v1/payments/{payment['id']}")["amount_refunded"] == "40.00"


def test_after_a_crash_before_its_transaction_the_work_is_simply_done(app: Flask, tenant: str, api: Api) -> None:
    first = api.post("/v1/customers", ADA, Idempotency_Key="one")
    crash_before_the_answer_was_kept(app, tenant)
    in_shop(app, tenant, lambda: session().execute(delete(Customer)))
    assert api.post("/v1/customers", ADA, Idempotency_Key="one")["id"] != first["id"]
    assert how_many(app, tenant, Customer) == 1


def test_work_whose_claim_ran_out_and_was_taken_over_is_rolled_back(app: Flask, tenant: str) -> None:
    slow = in_shop(app, tenant, lambda: idempotency.claim("app", "key", "same"))
    crash_before_the_answer_was_kept(app, tenant)
    fast = in_shop(app, tenant, lambda: idempotency.claim("app", "key", "same"))
    assert fast.id == slow.id
    answer = idempotency.Answered(201, b"{}", "application/json")
    with pytest.raises(Conflict) as refusal:
        in_shop(app, tenant, lambda: idempotency.remember(slow, answer))
    assert refusal.value.code == "claim_lost"
    in_shop(app, tenant, lambda: idempotency.remember(fast, answer))
    assert in_shop(app, tenant, lambda: idempotency.claim("app", "key", "same")) == answer


def test_keys_are_forgotten_after_thirty_days(app: Flask, tenant: str, api: Api) -> None:
    api.post("/v1/customers", ADA, Idempotency_Key="one")
    soon, later = datetime.now(UTC) + timedelta(days=29), datetime.now(UTC) + timedelta(days=31)
    assert in_shop(app, tenant, lambda: idempotency.purge(soon)) == 0
    assert in_shop(app, tenant, lambda: idempotency.purge(later)) == 1
    assert api.post("/v1/products", {"name": "P"}, Idempotency_Key="one")["name"] == "P"


def _ids(app: Flask, tenant: str, model: Any) -> set[str]:
    return set(in_shop(app, tenant, lambda: session().scalars(select(model.id)).all()))
