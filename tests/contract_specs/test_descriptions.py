"""What the adapters send and what the simulators answer, against the gateways' own API descriptions.

Stripe's is three years older than the version we speak, Square's one: what they leave out is named here.
"""

from functools import cache

import pytest

from simulators.calls import Answer, Call
from tests.contract_specs import tour
from tests.contract_specs.descriptions import Description, without_ids
from tests.gateways.worlds import SimulatedWorld, world_class

Journal = tuple[str, list[tuple[Call, Answer]]]

GATEWAYS = ("stripe", "square")
# Requests that the descriptions at hand leave out.
UNDESCRIBED = {
    "stripe": {
        "GET /v1/balance_transactions",
        "GET /v1/checkout/sessions/{id}",
        "GET /v1/disputes/{id}",
        "GET /v1/payment_methods/{id}",
        "GET /v1/refunds/{id}",
        "GET /v1/setup_intents/{id}",
        "POST /v1/checkout/sessions/{id}/expire",
        "POST /v1/payment_methods/{id}/detach",
    },
    "square": {"GET /v2/locations/{id}", "GET /v2/orders/{id}"},
}
# Square's description wants a field of a risk evaluation that it does not have itself.
MISTAKES = {"stripe": "", "square": "risk_evaluation: 'status' is a required property"}


@cache
def description(gateway: str) -> Description:
    """A gateway's own description."""
    if gateway == "stripe":
        return Description("stripe/spec3-2023-08-16.core-noexpand.json")
    return Description("square/api.trimmed.json", strict=True)


@pytest.fixture(scope="module", params=GATEWAYS)
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journal:
    """A gateway and everything that was said on a tour through it, payers' pages left out."""
    world_of = world_class(request.param)
    assert issubclass(world_of, SimulatedWorld)
    with world_of.begun(tmp_path_factory.mktemp(request.param)) as world:
        tour.take(world)
        said = [(call, answer) for call, answer in world.simulator.journal if call.path.startswith("/v")]
    return request.param, said


def test_every_request_is_described_but_for_those_named_here(journal: Journal) -> None:
    gateway, said = journal
    undescribed = {without_ids(call.line) for call, _ in said if description(gateway).operation(call) is None}
    assert undescribed == UNDESCRIBED[gateway]


def test_every_request_is_as_its_description_wants_it(journal: Journal) -> None:
    gateway, said = journal
    described = [call for call, _ in said if description(gateway).operation(call)]
    assert {fault for call in described for fault in description(gateway).request_faults(call)} == set()


def test_every_answer_is_as_its_description_has_it(journal: Journal) -> None:
    gateway, said = journal
    faults = {fault for call, answer in said for fault in description(gateway).answer_faults(call, answer)}
    assert {fault for fault in faults if not MISTAKES[gateway] or MISTAKES[gateway] not in fault} == set()
