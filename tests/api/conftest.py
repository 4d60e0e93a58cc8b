"""An application that calls the API with a key, and a shop that has something to sell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.db import tenant_scope, transaction
from app.domain.tax_tables.canada import RATES
from app.services import api_keys, gateway_accounts, tenants
from tests.conftest import SELLER

OTHER_SELLER = {**SELLER, "slug": "other", "name": "Other", "legal_name": "Other Inc."}


@dataclass(frozen=True, slots=True)
class Api:
    """A client application with a key."""

    app: Flask
    key: str

    def __call__(
        self, method: str, path: str, body: Any = None, *, expect: int | None = None, **headers: str
    ) -> TestResponse:
        """Ask, and see to it that the answer has the status that is expected, if one is."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.app.test_client().open(
            path, method=method, json=body, headers={"Authorization": f"Bearer {self.key}", **sent}
        )
        assert expect in (None, response.status_code), response.get_data(as_text=True)
        return response

    def get(self, path: str, expect: int = 200) -> Any:
        return self("GET", path, expect=expect).json

    def post(self, path: str, body: Any = None, expect: int = 201, **headers: str) -> Any:
        return self("POST", path, body or {}, expect=expect, **headers).json

    def patch(self, path: str, body: Any, expect: int = 200) -> Any:
        return self("PATCH", path, body, expect=expect).json


def key_of(app: Flask, tenant: str, *scopes: str, expires_at: datetime | None = None) -> str:
    """The secret of a new key of a tenant."""
    with app.app_context(), tenant_scope(tenant), transaction():
        return api_keys.create("Test", scopes, datetime.now(UTC), expires_at=expires_at)[1]


@pytest.fixture
def api(app: Flask, tenant: str) -> Api:
    """An application that may read and write."""
    return Api(app, key_of(app, tenant, "read", "write"))


@pytest.fixture
def other_api(app: Flask, at: datetime) -> Api:
    """The same at another tenant."""
    with app.app_context():
        other = tenants.create(OTHER_SELLER, RATES, at)
    return Api(app, key_of(app, other, "read", "write"))


@pytest.fixture
def bank(app: Flask, tenant: str, at: datetime) -> str:
    """The id of the tenant's account at the sandbox gateway."""
    with app.app_context(), tenant_scope(tenant), transaction():
        credentials = {"api_key": "sandbox_test", "page_url": "http://bank.example"}
        return gateway_accounts.create("Sandbox", "sandbox", credentials, at).id


@dataclass(frozen=True, slots=True)
class Shop:
    """A customer, a product and a monthly plan of 30.00 CAD, by id."""

    customer: str
    product: str
    plan: str


@pytest.fixture
def shop(api: Api, bank: str) -> Shop:
    """Something to sell, somebody to sell it to, and an account to take money through."""
    address = {"country": "CA", "region": "ON"}
    customer = api.post("/v1/customers", {"name": "Ada", "email": "ada@example.com", "address": address})["id"]
    product = api.post("/v1/products", {"name": "Notes"})["id"]
    plan = {"product": product, "name": "Team", "amount": "30.00", "currency": "CAD", "interval": "month"}
    return Shop(customer, product, api.post("/v1/plans", plan)["id"])


def invoice_to_pay(api: Api, customer: str, amount: str = "100.00") -> Mapping[str, Any]:
    """A one-off invoice that waits to be paid."""
    line = {"description": "Work", "unit_amount": amount}
    found: Mapping[str, Any] = api.post("/v1/invoices", {"customer": customer, "lines": [line]})
    return found
