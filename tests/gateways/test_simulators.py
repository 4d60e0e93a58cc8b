"""The simulators: strict, steerable from another process, and with books that last."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from app.gateways import REGISTRY, gateway_class, open_gateway
from simulators import SIMULATORS, simulator_class
from simulators.faults import EFFECTS, Fault, FaultKind, Faults
from simulators.stripe import StripeSimulator
from simulators.stripe_base import API_VERSION, SECRET_KEY
from simulators.wire import served

HEADERS = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": API_VERSION, "Idempotency-Key": "k"}
INTENT = {"amount": "1130", "currency": "cad", "payment_method": "pm_card_visa", "confirm": "true"}
INTENT |= {"return_url": "https://shop.example/back", "metadata[key]": "pay_1"}


@pytest.fixture
def stripe() -> Iterator[StripeSimulator]:
    """A simulator at its address."""
    with served(StripeSimulator()) as simulator:
        yield simulator


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]], threading.Event]]:
    """A merchant's webhook address that refuses the first delivery: (address, what it accepted, told when it has)."""
    accepted: list[dict[str, Any]] = []
    enough = threading.Event()
    refusals = [503]

    class Merchant(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = refusals.pop() if refusals else 200
            if status == 200:
                accepted.append(body)
            self.send_response(status)
            self.end_headers()
            if len(accepted) == 2:
                enough.set()

        def log_message(self, format: str, *words: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Merchant)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks", accepted, enough
    server.shutdown()
    server.server_close()


def _post(simulator: StripeSimulator, path: str, form: dict[str, str], **headers: str) -> requests.Response:
    return requests.post(simulator.url + path, data=form, headers=HEADERS | headers, timeout=5)


def test_every_gateway_but_the_sandbox_has_a_simulator() -> None:
    assert set(SIMULATORS) == set(REGISTRY) - {"sandbox"}
    assert [simulator_class(name).name for name in SIMULATORS] == list(SIMULATORS)


@pytest.mark.parametrize("name", SIMULATORS)
def test_a_simulator_tells_what_its_adapter_must_be_given(name: str, tmp_path: Path) -> None:
    with served(simulator_class(name)()) as simulator:
        account = requests.get(f"{simulator.url}/_control/account", timeout=5).json()
        assert set(account) <= {field.name for field in gateway_class(name).credentials}
        open_gateway(name, account, timeout=5, workspace=tmp_path).check_credentials()


def test_every_kind_of_fault_has_an_effect() -> None:
    assert set(EFFECTS) == set(FaultKind)


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({}, 200, None),
        ({"amout": "1"}, 400, "amout"),
        ({"amount": "11.30"}, 400, "amount"),
        ({"amount": "10"}, 400, "amount"),
        ({"currency": "kwd", "amount": "5124"}, 400, "amount"),
        ({"confirm": "yes"}, 400, "confirm"),
        ({"automatic_payment_methods[allow_redirects]": "always"}, 400, "automatic_payment_methods[enabled]"),
        ({"payment_method": "pm_unknown"}, 404, "payment_method"),
        ({"off_session": "true", "setup_future_usage": "off_session"}, 400, "setup_future_usage"),
    ],
)
def test_a_request_that_stripe_would_refuse_is_refused(
    stripe: StripeSimulator, change: dict[str, str], status: int, param: str | None
) -> None:
    answer = _post(stripe, "/v1/payment_intents", INTENT | change)
    assert (answer.status_code, answer.json().get("error", {}).get("param")) == (status, param)


def test_a_wrong_key_and_a_missing_version_are_refused(stripe: StripeSimulator) -> None:
    assert _post(stripe, "/v1/payment_intents", INTENT, Authorization="Bearer sk_other").status_code == 401
    assert _post(stripe, "/v1/payment_intents", INTENT, **{"Stripe-Version": "2020-01-01"}).status_code == 400
    assert stripe.taken() == []


def test_an_answer_is_repeated_for_the_same_key_and_refused_for_another_request(stripe: StripeSimulator) -> None:
    first, second = (_post(stripe, "/v1/payment_intents", INTENT) for _ in range(2))
    assert first.json() == second.json()
    other = _post(stripe, "/v1/payment_intents", INTENT | {"amount": "2260"})
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(stripe.taken()) == 1


def test_the_books_and_faults_can_be_reached_from_another_process(stripe: StripeSimulator) -> None:
    control = f"{stripe.url}/_control"
    fault: dict[str, Any] = {"kind": "error_before", "on": "POST /v1/payment_intents", "count": 2}
    assert requests.post(f"{control}/faults", json=fault, timeout=5).status_code == 200
    statuses = [_post(stripe, "/v1/payment_intents", INTENT).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    [taken] = requests.get(f"{control}/books", timeout=5).json()["taken"]
    assert (taken["key"], taken["units"], taken["currency"]) == ("pay_1", 1130, "CAD")
    disputed = requests.post(f"{control}/actions", json={"do": "dispute", "ref": taken["ref"]}, timeout=5)
    assert disputed.json()["done"] in stripe.books.tables["disputes"]


@pytest.mark.parametrize(
    ("path", "wish", "status"),
    [
        ("faults", {"kind": "earthquake"}, 400),
        ("actions", {"do": "nothing"}, 400),
        ("nothing", {}, 404),
    ],
)
def test_the_control_endpoint_says_what_it_does_not_understand(
    stripe: StripeSimulator, path: str, wish: dict[str, str], status: int
) -> None:
    answer = requests.post(f"{stripe.url}/_control/{path}", json=wish, timeout=5)
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        faults = Faults()
        faults.draw(0.5, seed, [Fault(FaultKind.DROP_AFTER), Fault(FaultKind.ERROR_BEFORE)])
        return [faults.take("POST /v1/refunds") for _ in range(50)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert {fault.kind for fault in drawn(7) if fault} == {FaultKind.DROP_AFTER, FaultKind.ERROR_BEFORE}


def test_a_fault_waits_for_the_call_it_is_meant_for() -> None:
    faults = Faults()
    faults.add(Fault(FaultKind.HALF, on="POST /v1/refunds"))
    assert faults.take("GET /v1/refunds") is None
    assert faults.take("POST /v1/payment_intents") is None
    assert faults.take("POST /v1/refunds") == Fault(FaultKind.HALF, on="POST /v1/refunds")
    assert faults.take("POST /v1/refunds") is None


def test_webhooks_are_delivered_twice_when_asked_and_again_when_refused(
    stripe: StripeSimulator, inbox: tuple[str, list[dict[str, Any]], threading.Event]
) -> None:
    url, accepted, enough = inbox
    route: dict[str, Any] = {"url": url, "copies": 2}
    assert requests.put(f"{stripe.url}/_control/webhooks", json=route, timeout=5).status_code == 200
    _post(stripe, "/v1/payment_intents", INTENT)
    assert enough.wait(10)
    assert {event["type"] for event in accepted} == {"payment_intent.succeeded"}
    assert len({event["id"] for event in accepted}) == 1


def test_books_that_are_kept_outlast_their_simulator(tmp_path: Path) -> None:
    books = tmp_path / "stripe.json"
    with served(StripeSimulator(books)) as first:
        answer = _post(first, "/v1/payment_intents", INTENT).json()
    with served(StripeSimulator(books)) as second:
        assert [taken.ref for taken in second.taken()] == [answer["id"]]
        assert _post(second, "/v1/payment_intents", INTENT).json()["id"] == answer["id"]
        assert len(second.taken()) == 1


def test_the_command_serves_every_simulator_until_it_is_ended(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "simulators", "--port", "0", "--books", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout
        lines = [command.stdout.readline().split() for _ in SIMULATORS]
        assert [name for name, _ in lines] == list(SIMULATORS)
        for _, url in lines:
            assert requests.get(f"{url}/_control/books", timeout=5).json() == {"taken": []}
        command.send_signal(signal.SIGTERM)
        assert command.wait(10) == 0
