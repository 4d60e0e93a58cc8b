"""What tests stand on: real servers, an application on an empty migrated database, a tenant, a browser.

`app` is for pages and the API: each request brings its own context. `in_tenant` is for services: the test itself runs
inside the tenant. A test that uses neither touches no server and starts none.
"""

import base64
import logging
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import BrowserType, Error, Page, Playwright, sync_playwright
from werkzeug.serving import make_server

from app import create_app
from app.config import Settings, load_settings
from app.db import tenant_scope
from app.domain.tax_tables.canada import RATES
from app.services import passwords, tenants
from app.settings import cache
from tests import servers
from tests.browser import HOW_TO, launch_options
from tests.kept import Database, Rows

RUN = "QUITTANCE_TEST_RUN"  # the directory of this run; set by the process that runs it, read by its workers
RUNNER = "QUITTANCE_TEST_RUNNER"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
SELLER = {
    "slug": "acme",
    "name": "Acme",
    "legal_name": "Acme Inc.",
    "email": "billing@acme.example",
    "currency": "CAD",
    "timezone": "America/Toronto",
    "address": {"line1": "1 Front Street", "city": "Toronto", "region": "ON", "country": "CA"},
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts whole installations, and therefore begins first")
    if not hasattr(config, "workerinput"):
        os.environ[RUN] = tempfile.mkdtemp(prefix="quittance-test-")
        os.environ[RUNNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        directory = Path(os.environ[RUN])
        servers.end(directory)
        shutil.rmtree(directory, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m "not browser"` leaves out whatever opens a page; the slowest files do not come last."""
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def place() -> Callable[[], Path]:
    """Makes directories for servers of a test's own. pytest's are no good for that: PostgreSQL, which root runs as
    another user, cannot pass through them, and another run would shut a door that was opened."""
    return lambda: Path(tempfile.mkdtemp(dir=os.environ[RUN]))


@pytest.fixture(scope="session")
def settings(worker_id: str, listening: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on the servers of this run, with a database, a Redis and a data directory of this worker's own."""
    worker = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    run = servers.join(Path(os.environ[RUN]), int(os.environ[RUNNER]), worker)
    return load_settings(
        database_url=run.database_url(),
        redis_url=run.redis_url(),
        secret_key="a secret of the tests, long enough to sign with",
        encryption_keys=f"k1:{base64.b64encode(bytes(32)).decode()}",
        quittance_data_dir=tmp_path_factory.mktemp("data"),
        base_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
        mail_url="file:",
        log_level="WARNING",
        database_pool_size=16,
    )


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> None:
    """Passwords of tests protect nobody: the same algorithm, hundreds of times over, need not take its time."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="session")
def listening() -> Iterator[socket.socket]:
    """Where the pages of this worker are served, known before the application is made: links carry it."""
    with socket.create_server(("127.0.0.1", 0)) as ear:
        yield ear


@pytest.fixture(scope="session")
def application(settings: Settings) -> Flask:
    """The application, made once; tests use `app`, which cleans up."""
    return create_app(settings)


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[Database]:
    """The database, as its owner sees it."""
    with psycopg.connect(settings.database_url, options="-c lock_timeout=10s", autocommit=True) as owner:
        yield Database(owner)


@pytest.fixture
def app(application: Flask, database: Database) -> Iterator[Flask]:
    """The application on an empty database and an empty Redis."""
    yield application
    empty(application, database)


def empty(application: Flask, database: Database) -> None:
    """Take everything out of the database and Redis."""
    database.empty()
    with application.app_context():
        cache().flushdb()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a screen."""
    return app.test_client()


@pytest.fixture
def at() -> datetime:
    """Now, as far as a test is concerned: a Thursday noon in January 2026, UTC."""
    return NOON


@pytest.fixture(scope="session")
def opened(application: Flask, database: Database) -> tuple[str, Rows]:
    """A tenant that was opened once, and what it wrote into the database, which is empty again."""
    empty(application, database)
    with application.app_context():
        tenant = tenants.create(SELLER, RATES, NOON)
    rows = database.rows()
    empty(application, database)
    return tenant, rows


@pytest.fixture
def tenant(opened: tuple[str, Rows], app: Flask, database: Database) -> str:
    """The id of a seller in Toronto who sells in Canadian dollars and knows Canada's tax rates."""
    tenant, rows = opened
    database.put_back(rows)
    return tenant


@pytest.fixture
def in_tenant(app: Flask, tenant: str) -> Iterator[str]:
    """The test runs inside the tenant's scope, in an application context of its own. Not for tests that use a client:
    their requests would share that context, and whoever is signed in with it."""
    with app.app_context(), tenant_scope(tenant):
        yield tenant


@pytest.fixture(scope="session")
def base_url(application: Flask, listening: socket.socket, settings: Settings) -> Iterator[str]:
    """The address of the served application: `page.goto("/")` goes there."""
    host, port = listening.getsockname()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    web = make_server(host, port, application, threaded=True, fd=listening.fileno())
    serving = threading.Thread(target=web.serve_forever, daemon=True)
    serving.start()
    yield settings.base_url
    web.shutdown()
    serving.join()


@pytest.fixture
def live(app: Flask, base_url: str) -> str:
    """The address of the application, served, and cleaned up after the test."""
    return base_url


@pytest.fixture
def page(live: str, page: Page) -> Page:
    """A page of the browser, on the served application."""
    page.set_default_timeout(10_000)
    return page


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    try:
        driver = sync_playwright().start()
    except Exception as error:  # playwright has no class of its own for a driver that does not run
        pytest.fail(f"{HOW_TO}\n{error}")
    yield driver
    driver.stop()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_type: BrowserType) -> dict[str, Any]:
    """How to start the browser. Without one, tests that need it fail and say how to get it; they never skip."""
    options = {**browser_type_launch_args, **launch_options()}
    try:
        browser_type.launch(**options).close()
    except Error as error:
        pytest.fail(f"{HOW_TO}\n{error}")
    return options


@pytest.fixture
def axe_violations() -> Callable[..., list[tuple[str, str, list[Any]]]]:
    """Looks a page over for WCAG 2.2 AA; gives (rule, impact, where) of each fault."""

    def look(page: Page) -> list[tuple[str, str, list[Any]]]:
        only = {"runOnly": {"type": "tag", "values": AXE_RULES}, "resultTypes": ["violations"]}
        found = Axe().run(page, options=only)
        faults = found.response["violations"]
        return [(fault["id"], fault["impact"], [node["target"] for node in fault["nodes"]]) for fault in faults]

    return look
