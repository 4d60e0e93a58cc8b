"""Runs the contract over the registry: each test over the gateways that declare what it is about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability, Gateway
from tests.gateways.contract import ABOUT, About
from tests.gateways.worlds import World, world_class

REFUNDS = Capability.REFUND | Capability.PARTIAL_REFUND | Capability.MULTI_REFUND


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run for each gateway; with `case`, one for each of the world's cases of that kind."""
    if "world" not in metafunc.fixturenames:
        return
    about: About = getattr(metafunc.function, ABOUT, About(Capability.NONE))
    names = [name for name in REGISTRY if about.capability in gateway_class(name).capabilities]
    if about.capability & REFUNDS:
        names = [name for name in names if world_class(name).pays_refunds]
    fitting = [(name, case) for name in names for case in about.cases(world_class(name))]
    wanted = ("world", "case") if "case" in metafunc.fixturenames else ("world",)
    rows = [row[: len(wanted)] for row in fitting]
    metafunc.parametrize(wanted, rows, indirect=["world"], ids=["-".join(map(_short, row)) for row in rows])


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """One gateway and its surroundings, new for each test."""
    with world_class(request.param).begun(tmp_path) as world:
        yield world


@pytest.fixture
def gateway(world: World) -> Gateway:
    """The adapter with the right credentials."""
    return world.open()


def _short(value: object) -> str:
    return str(value[0] if isinstance(value, tuple) else value)
