"""Somebody at a desk, and a shop with something of everything."""

import shutil
from datetime import datetime

import pytest
from flask import Flask

from app import clock
from app.config import Settings
from app.domain.tax_tables.canada import RATES
from app.gateways.sandbox_bank import SandboxBank
from app.services import tenants
from tests.conftest import SELLER, empty
from tests.kept import Database
from tests.shop import bank, empty_bank
from tests.web.admin.desk import ADMIN, VIEWER, Desk, World, furnish, seat
from tests.web.admin.kept import Furnished, Kept

__all__ = ["bank"]


@pytest.fixture(scope="session")
def kept(application: Flask, settings: Settings, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A world that the first test has furnished, on a database that is empty again afterwards."""
    at, gateways = clock.now(), settings.quittance_data_dir / "gateways"
    shutil.rmtree(gateways, ignore_errors=True)
    with application.app_context():
        tenant = tenants.create(SELLER, RATES, at)
    world = furnish(Desk(application, tenant, at, application.test_client()), empty_bank(settings))
    banks = shutil.copytree(gateways, tmp_path_factory.mktemp("kept") / "gateways")
    kept = Kept(Furnished(tenant, at, world), database.rows(), banks)
    empty(application, database)
    return kept


@pytest.fixture
def furnished(
    request: pytest.FixtureRequest, app: Flask, settings: Settings, database: Database, bank: SandboxBank
) -> Furnished | None:
    """The kept world put back, for a test that asks for one."""
    if "world" not in request.fixturenames:
        return None
    kept: Kept = request.getfixturevalue("kept")
    return kept.put_back(database, settings.quittance_data_dir / "gateways")


@pytest.fixture
def at(furnished: Furnished | None) -> datetime:
    """Pages ask the wall clock, so what they look at happens now, or happened when the world was furnished."""
    return furnished.at if furnished else clock.now()


@pytest.fixture
def tenant(furnished: Furnished | None, app: Flask, at: datetime) -> str:
    """The seller."""
    if furnished:
        return furnished.tenant
    with app.app_context():
        return tenants.create(SELLER, RATES, at)


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
def world(furnished: Furnished | None) -> World:
    """A shop with something of everything."""
    assert furnished
    return furnished.world


@pytest.fixture
def elsewhere(app: Flask, at: datetime, bank: SandboxBank) -> World:
    """The same at another tenant."""
    with app.app_context():
        other = tenants.create({**SELLER, "slug": "other", "name": "Other"}, RATES, at)
    return furnish(Desk(app, other, at, app.test_client()), bank)
