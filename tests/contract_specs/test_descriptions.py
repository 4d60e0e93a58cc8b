"""What the adapters send and what the simulators answer, against the gateways' own API descriptions.

Stripe's is three years older than the version we speak, Square's one: what they leave out is named here.
"""

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.gateways import adyen_words
from simulators.calls import Answer, Call
from tests.contract_specs import tour
from tests.contract_specs.descriptions import Description, Descriptions, without_ids
from tests.gateways.worlds import SimulatedWorld, world_class

API = re.compile(r"/(api/)?v\d/")
Journal = tuple[str, list[tuple[Call, Answer]]]

GATEWAYS = ("stripe", "square", "btcpay", "paypal", "adyen")
PAYPAL = ("checkout_orders_v2", "payments_payment_v2", "vault_payment_tokens_v3", "reporting_transactions_v1")
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
    "btcpay": set(),
    "paypal": {"POST /v1/oauth2/token"},
    "adyen": set(),
}
# Square's description wants a field of a risk evaluation that it does not have itself. BTCPay's closes an invoice to
# what it does not have in common with the request for one. PayPal's knows only the kind of token it had first.
MISTAKES = {
    "stripe": "no mistake",
    "square": "risk_evaluation: 'status' is a required property",
    "btcpay": "('checkout', 'metadata' were unexpected)",
    "paypal": "payment_source.token.type: 'SETUP_TOKEN'",
    "adyen": "no mistake",
}
# BTCPay's description has each of these paths in its newest form; servers also take the older one, which we use.
SHORTER = re.compile(r"/stores/[^/]+(?=/invoices/[^/]+)")
DESCRIBED = {
    "stripe": (["stripe/spec3-2023-08-16.core-noexpand.json"], False),
    "square": (["square/api.trimmed.json"], True),
    "btcpay": (["btcpay/greenfield.merged.json"], False),
    "paypal": ([f"paypal/{part}.json" for part in (*PAYPAL, "customer_disputes_v1")], False),
    "adyen": (["adyen/CheckoutService-v72.json"], True),
}
ADYEN_TELLS = {*adyen_words.DISPUTE_EVENTS, *adyen_words._NOTICES}
BELOW = {"adyen": "/v72"}  # what the paths of a description leave out


def description_of_webhooks() -> dict[str, Any]:
    """Adyen's, with an example of each."""
    told: dict[str, Any] = json.loads((Path(os.environ["QUITTANCE_SPECS"]) / "adyen/Webhooks-v1.json").read_text())
    return told


@cache
def description(gateway: str) -> Descriptions:
    """A gateway's own description."""
    paths, strict = DESCRIBED[gateway]
    return Descriptions(*(Description(path, strict=strict, below=BELOW.get(gateway, "")) for path in paths))


@pytest.fixture(scope="module", params=GATEWAYS)
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journal:
    """A gateway and everything that was said on a tour through it, payers' pages left out."""
    world_of = world_class(request.param)
    assert issubclass(world_of, SimulatedWorld)
    with world_of.begun(tmp_path_factory.mktemp(request.param)) as world:
        tour.take(world)
        journal = [(call, answer) for call, answer in world.simulator.journal if API.match(call.path)]
        said = [(replace(call, path=SHORTER.sub("", call.path)), answer) for call, answer in journal]
    return request.param, said


def test_every_example_of_adyens_webhooks_is_read() -> None:
    examples = description_of_webhooks()["components"]["examples"].values()
    items = [each["NotificationRequestItem"] for one in examples for each in one["value"].get("notificationItems", ())]
    about = {item["eventCode"]: adyen_words.notices(item, datetime.now(UTC)) for item in items}
    assert {code for code, told in about.items() if told} == ADYEN_TELLS & set(about)
    assert all(notice.payment for told in about.values() for notice in told)


def test_every_request_is_described_but_for_those_named_here(journal: Journal) -> None:
    gateway, said = journal
    undescribed = {without_ids(call.line) for call, _ in said if description(gateway).operation(call) is None}
    assert undescribed == UNDESCRIBED[gateway]


def test_every_request_is_as_its_description_wants_it(journal: Journal) -> None:
    gateway, said = journal
    described = [call for call, _ in said if description(gateway).operation(call)]
    faults = {fault for call in described for fault in description(gateway).request_faults(call)}
    assert {fault for fault in faults if MISTAKES[gateway] not in fault} == set()


def test_every_answer_is_as_its_description_has_it(journal: Journal) -> None:
    gateway, said = journal
    faults = {fault for call, answer in said for fault in description(gateway).answer_faults(call, answer)}
    assert {fault for fault in faults if MISTAKES[gateway] not in fault} == set()
