"""Who gets in, what they may do, and that they see one tenant only."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import session, tenant_scope, transaction
from app.ids import new_id
from app.models import ApiKey, AuditEntry
from app.services import api_keys
from tests.api.conftest import Api, Shop, invoice_to_pay, key_of


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "unauthenticated"),
        ("", "unauthenticated"),
        ("Bearer", "unauthenticated"),
        ("Basic cWs6", "unauthenticated"),
        ("Bearer qk_test_unknown", "invalid_api_key"),
        ("Bearer ключ", "invalid_api_key"),
    ],
)
def test_nobody_gets_in_without_a_key(app: Flask, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header.encode().decode("latin-1")}
    response = app.test_client().get("/v1/customers", headers=headers)
    assert (response.status_code, response.json["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.content_type == "application/problem+json"


def test_a_key_that_has_expired_does_not_get_in(app: Flask, tenant: str) -> None:
    ended = key_of(app, tenant, "read", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert Api(app, ended).get("/v1/customers", expect=401)["code"] == "invalid_api_key"


def test_a_revoked_key_writes_nothing_any_more(app: Flask, tenant: str, api: Api) -> None:
    api.get("/v1/customers")
    with app.app_context(), tenant_scope(tenant), transaction():
        api_keys.revoke(session().scalars(select(ApiKey.id)).one(), datetime.now(UTC))
    assert api.post("/v1/customers", {"name": "A", "email": "a@example.com"}, expect=401)["code"] == "invalid_api_key"


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_every_scope_reads(app: Flask, tenant: str, scope: str) -> None:
    assert Api(app, key_of(app, tenant, scope)).get("/v1/customers") == {"data": [], "next_cursor": None}


def test_a_key_that_only_reads_writes_nothing_even_if_the_body_is_wrong_too(app: Flask, tenant: str) -> None:
    refused = Api(app, key_of(app, tenant, "read")).post("/v1/customers", {"nonsense": 1}, expect=403)
    assert refused["code"] == "insufficient_scope"
    assert "write or admin" in refused["detail"]


def test_the_use_of_a_key_is_noted(app: Flask, tenant: str, api: Api) -> None:
    api.post("/v1/customers", {"name": "A", "email": "a@example.com"})
    with app.app_context(), tenant_scope(tenant):
        used = session().scalars(select(ApiKey.last_used_at)).one()
    assert timedelta() <= datetime.now(UTC) - used < timedelta(minutes=2)


def test_what_a_key_does_is_written_down_as_its_doing(app: Flask, tenant: str, api: Api) -> None:
    added = api.post("/v1/customers", {"name": "A", "email": "a@example.com"}, X_Request_Id="my-request-1")
    with app.app_context(), tenant_scope(tenant):
        entry = session().scalars(select(AuditEntry).where(AuditEntry.subject_id == added["id"])).one()
        key_id = session().scalars(select(ApiKey.id)).one()
    assert (entry.actor_kind, entry.actor_id, entry.request_id) == ("api_key", key_id, "my-request-1")


def test_a_tenant_never_sees_what_belongs_to_another(api: Api, shop: Shop, other_api: Api) -> None:
    method = api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})
    invoice = invoice_to_pay(api, shop.customer)
    payment = api.post(f"/v1/invoices/{invoice['id']}/pay")
    subscription = api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan})
    theirs = {
        "customers": shop.customer,
        "products": shop.product,
        "plans": shop.plan,
        "payment-methods": method["id"],
        "invoices": invoice["id"],
        "payments": payment["id"],
        "subscriptions": subscription["id"],
    }
    for noun, row_id in theirs.items():
        assert api.get(f"/v1/{noun}/{row_id}")["id"] == row_id
        assert other_api.get(f"/v1/{noun}/{row_id}", expect=404)["code"] == "not_found"
        assert other_api.get(f"/v1/{noun}")["data"] == []
    assert other_api.get(f"/v1/access/{shop.customer}", expect=404)["code"] == "not_found"
    assert other_api.patch(f"/v1/customers/{shop.customer}", {"name": "Mine"}, expect=404)["code"] == "not_found"
    assert other_api("DELETE", f"/v1/customers/{shop.customer}").status_code == 404
    assert other_api.post(f"/v1/invoices/{invoice['id']}/void", expect=404)["code"] == "not_found"
    refused = other_api.post("/v1/subscriptions", {"customer": shop.customer, "plan": shop.plan}, expect=422)
    assert refused["errors"][0]["field"] == "customer"


@pytest.mark.parametrize("given", ["my-own-id-1", "no spaces", "x" * 65, ""])
def test_a_request_id_is_taken_over_if_it_is_a_sound_one(api: Api, given: str) -> None:
    answer = api("GET", "/v1/customers/nobody", X_Request_Id=given)
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]
    assert (answer.json["request_id"] == given) == (given == "my-own-id-1")


def test_nothing_of_the_api_is_kept_by_caches_or_guessed_at(api: Api) -> None:
    headers = api("GET", "/v1/customers").headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_id_that_nothing_has_is_not_found(api: Api) -> None:
    for row_id in (new_id("cus"), new_id("inv"), "cus_", "nonsense", "cus_00000000000000000000000000"):
        assert api.get(f"/v1/customers/{row_id}", expect=404)["code"] == "not_found"
