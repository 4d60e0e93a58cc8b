"""Services are tried inside a shop, on a real database, with the sandbox gateway and its bank."""

from collections.abc import Iterator

import pytest

from app import gateways
from tests.services.line import Script, ScriptedGateway
from tests.shop import Shop, bank, shop

__all__ = ["bank", "script", "shop"]


@pytest.fixture
def script(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """What the scripted gateway does, verb by verb. The shop's account is with it in this test."""
    monkeypatch.setitem(gateways.REGISTRY, "scripted", "tests.services.line:ScriptedGateway")  # type: ignore[arg-type]
    shop.move_to("scripted")
    yield ScriptedGateway.script
    ScriptedGateway.script.clear()
    ScriptedGateway.calls.clear()
