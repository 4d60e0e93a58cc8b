"""Services are tried inside a shop, on a real database, with the sandbox gateway and its bank."""

from collections.abc import Iterator
from typing import Any

import psycopg
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


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL statements that psycopg sends from now on; one for many rows counts once."""
    sent: list[str] = []
    for verb in ("execute", "executemany"):
        send = getattr(psycopg.Cursor, verb)

        def note(cursor: Any, statement: Any, *values: Any, _send: Any = send, **options: Any) -> Any:
            sent.append(str(statement))
            return _send(cursor, statement, *values, **options)

        monkeypatch.setattr(psycopg.Cursor, verb, note)
    return sent
