"""Webhooks of gateways whose simulators sign them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from app.gateways.sandbox_bank import SandboxBank
from tests.shop import bank
from tests.webhooks.counter import Counter, counter_at

__all__ = ["bank"]


@pytest.fixture
def counter(
    request: pytest.FixtureRequest, app: Flask, tenant: str, at: datetime, bank: SandboxBank, tmp_path: Path
) -> Iterator[Counter]:
    """A shop that sells through Stripe, or through the gateway that the test names."""
    with counter_at(getattr(request, "param", "stripe"), app, tenant, at, bank, tmp_path) as found:
        yield found
