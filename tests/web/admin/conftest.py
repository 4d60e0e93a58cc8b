"""Somebody at a desk, and a shop with something of everything."""

from datetime import datetime

import pytest
from flask import Flask

from app import clock
from app.domain.tax_tables.canada import RATES
from app.gateways.sandbox_bank import SandboxBank
from app.services import tenants
from tests.conftest import SELLER
from tests.shop import bank
from tests.web.admin.desk import ADMIN, VIEWER, Desk, World, furnish, seat

__all__ = ["bank"]


@pytest.fixture
def at() -> datetime:
    """Pages ask the wall clock, so what they look at happens now."""
    return clock.now()


@pytest.fixture
def desk(app: Flask, tenant: str, at: datetime) -> Desk:
    """An owner, signed in."""
    return seat(app, tenant, at)


@pytest.fixture
def biller(app: Flask, tenant: str, at: datetime) -> Desk:
    """A billing admin, signed in."""
    return seat(app, tenant, at, ADMIN)


@pytest.fixture
def viewer(app: Flask, tenant: str, at: datetime) -> Desk:
    """A viewer, signed in."""
    return seat(app, tenant, at, VIEWER)


@pytest.fixture
def world(desk: Desk, bank: SandboxBank) -> World:
    """A shop with something of everything."""
    return furnish(desk, bank)


@pytest.fixture
def elsewhere(app: Flask, at: datetime, bank: SandboxBank) -> World:
    """The same at another tenant."""
    with app.app_context():
        other = tenants.create({**SELLER, "slug": "other", "name": "Other"}, RATES, at)
    return furnish(Desk(app, other, at, app.test_client()), bank)
