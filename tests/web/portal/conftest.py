"""A store of the tenant, and its customers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.gateways.sandbox_bank import SandboxBank
from tests.shop import bank
from tests.web.portal.store import Buyer, Store, open_store

__all__ = ["bank"]


@pytest.fixture
def store(app: Flask, tenant: str, bank: SandboxBank) -> Store:
    """A shop that sells a plan of 20.00 a month, 22.60 with tax."""
    return open_store(app, tenant, bank)


@pytest.fixture
def buyer(store: Store) -> Buyer:
    """Somebody who has not paid yet."""
    return store.buyer()


@pytest.fixture
def visitor(store: Store, buyer: Buyer) -> FlaskClient:
    """A browser with that customer signed in."""
    return store.client_of(buyer)
