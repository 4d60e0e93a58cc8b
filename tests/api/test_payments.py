"""Paying and refunding through the sandbox gateway, as its tokens say."""

from datetime import timedelta

import pytest

from app import clock
from tests.api.conftest import Api, Shop, invoice_to_pay


@pytest.mark.parametrize(
    ("token", "status", "decline_code"),
    [
        ("tok_ok", "succeeded", None),
        ("tok_soft_decline", "failed", "insufficient_funds"),
        ("tok_hard_decline", "failed", "stolen_card"),
        ("tok_auth", "requires_action", None),
        ("tok_delayed", "pending", None),
        ("tok_charged_no_answer", "unknown", None),
        ("tok_no_answer", "unknown", None),
        ("tok_unavailable", "failed", "gateway_unavailable"),
    ],
)
def test_the_answer_says_what_came_of_a_payment(
    api: Api, shop: Shop, token: str, status: str, decline_code: str | None
) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    paid = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": token, "payment_gateway": "sandbox"})
    assert (paid["status"], paid["decline_code"]) == (status, decline_code)
    assert (paid["amount"], paid["currency"]) == (invoice["total"], "CAD")
    assert (paid["next_action"] is not None) == (status == "requires_action")
    assert api.get(f"/v1/payments/{paid['id']}") == paid
    assert api.get(f"/v1/payments?status={status}&gateway=sandbox")["data"] == [paid]
    assert api.get(f"/v1/invoices/{invoice['id']}")["status"] == ("paid" if status == "succeeded" else "open")


def test_a_paid_invoice_is_not_paid_again(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    again = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"}, expect=409)
    assert again["code"] == "not_payable"
    assert len(api.get(f"/v1/payment-methods?customer={shop.customer}")["data"]) == 1


def test_a_second_payment_waits_while_one_is_under_way(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_delayed"})
    refused = api.post(f"/v1/invoices/{invoice['id']}/pay", expect=409)
    assert refused["code"] == "payment_in_progress"


def test_a_payment_that_only_waits_for_its_payer_gives_way_to_another(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    waiting = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_auth"})
    paid = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    assert paid["status"] == "succeeded"
    assert api.get(f"/v1/payments/{waiting['id']}")["status"] == "canceled"


@pytest.mark.parametrize(
    ("extra", "code", "field"),
    [
        ({"token": "tok_ok", "payment_method_id": "kept"}, "ambiguous_method", "token"),
        ({"payment_gateway": "sandbox"}, "missing", "token"),
        ({"payment_method_id": "kept", "payment_gateway": "stripe"}, "gateway_mismatch", "payment_gateway"),
        ({"token": "tok_ok", "payment_gateway": "stripe"}, "gateway_unknown", "payment_gateway"),
    ],
)
def test_what_to_pay_with_must_be_clear(api: Api, shop: Shop, extra: dict[str, str], code: str, field: str) -> None:
    kept = api.post("/v1/payment-methods", {"customer": shop.customer, "token": "tok_ok"})["id"]
    invoice = invoice_to_pay(api, shop.customer)["id"]
    named = {name: kept if value == "kept" else value for name, value in extra.items()}
    refused = api.post("/v1/payments", {"invoice_id": invoice, **named}, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)


def test_an_invoice_is_paid_in_parts(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer, "100.00")["id"]
    part = api.post("/v1/payments", {"invoice_id": invoice, "token": "tok_ok", "amount": "33.33", "currency": "CAD"})
    assert (part["status"], part["amount"]) == ("succeeded", "33.33")
    left = api.get(f"/v1/invoices/{invoice}")
    assert (left["status"], left["amount_paid"], left["amount_due"]) == ("open", "33.33", "66.67")
    assert api.post("/v1/payments", {"invoice_id": invoice, "token": "tok_ok"})["amount"] == "66.67"
    assert api.get(f"/v1/invoices/{invoice}")["status"] == "paid"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"amount": "0"}, "invalid_amount", "amount"),
        ({"amount": "-1"}, "invalid_amount", "amount"),
        ({"amount": "100.01"}, "invalid_amount", "amount"),
        ({"amount": "1.001"}, "too_precise", "amount"),
        ({"amount": 1.5}, "float_refused", "amount"),
        ({"amount": "1", "currency": "USD"}, "currency_mismatch", "currency"),
    ],
)
def test_a_part_that_is_none_is_refused_and_nothing_is_kept(
    api: Api, shop: Shop, body: dict[str, object], code: str, field: str
) -> None:
    invoice = invoice_to_pay(api, shop.customer, "100.00")["id"]
    for path, named in ((f"/v1/invoices/{invoice}/pay", {}), ("/v1/payments", {"invoice_id": invoice})):
        token = {"token": "tok_ok"} if named else {}
        refused = api.post(path, {**named, **token, **body}, expect=422)
        assert (refused["code"], refused["errors"][0]["field"]) == (code, field)
    assert api.get(f"/v1/payment-methods?customer={shop.customer}")["data"] == []
    assert api.get("/v1/payments")["data"] == []


def test_a_token_that_the_gateway_does_not_know_is_refused(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)["id"]
    refused = api.post("/v1/payments", {"invoice_id": invoice, "token": "tok_nonsense"}, expect=422)
    assert refused["code"] == "gateway_refused"
    assert api.get("/v1/payments")["data"] == []


def test_refunds_sum_up_to_the_payment_and_not_beyond(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer, "100.00")
    payment = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    path, paid = f"/v1/payments/{payment['id']}/refunds", payment["amount"]
    part = api.post(path, {"amount": "40.00", "currency": "CAD", "reason": "late"})
    assert (part["status"], part["amount"], part["reason"]) == ("succeeded", "40.00", "late")
    too_much = api.post(path, {"amount": paid}, expect=409)
    assert (too_much["code"], too_much["errors"][0]["field"]) == ("refund_too_large", "amount")
    api.post(path)
    assert api.get(f"/v1/payments/{payment['id']}")["amount_refunded"] == paid
    assert api.post(path, expect=409)["code"] == "refund_too_large"
    assert len(api.get(path)["data"]) == 2


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"amount": "0"}, "invalid", "amount"),
        ({"amount": "-1"}, "invalid", "amount"),
        ({"amount": "1.001"}, "too_precise", "amount"),
        ({"amount": 1.5}, "float_refused", "amount"),
        ({"amount": "1", "currency": "USD"}, "currency_mismatch", "currency"),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(
    api: Api, shop: Shop, body: dict[str, object], code: str, field: str
) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    payment = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    refused = api.post(f"/v1/payments/{payment['id']}/refunds", body, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)


def test_a_payment_that_failed_is_not_refunded(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    payment = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_soft_decline"})
    assert api.post(f"/v1/payments/{payment['id']}/refunds", expect=409)["code"] == "not_refundable"


def test_an_application_says_what_somebody_saw_at_the_gateway(api: Api, shop: Shop) -> None:
    invoice = invoice_to_pay(api, shop.customer)
    payment = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_no_answer"})
    path = f"/v1/payments/{payment['id']}/attestation"
    assert api.post(path, {"made": False}, expect=422)["errors"][0]["field"] == "note"
    disagrees = api.post(path, {"made": True, "note": "Dashboard"}, expect=409)
    assert disagrees["code"] == "gateway_disagrees"
    said = api.post(path, {"made": False, "note": "Dashboard"}, expect=200)
    assert (said["status"], api.post(path, {"made": False, "note": "Dashboard"}, expect=200)) == ("failed", said)
    again = api.post("/v1/payments", {"invoice_id": invoice["id"], "token": "tok_ok"})
    assert api.post(f"/v1/payments/{again['id']}/attestation", {"made": True, "note": "x"}, expect=409)["code"] == (
        "not_in_doubt"
    )
    refund = api.post(f"/v1/payments/{again['id']}/refunds")
    foreign = f"/v1/payments/{payment['id']}/refunds/{refund['id']}/attestation"
    api.post(foreign, {"made": True, "note": "x"}, expect=404)


class TestOutsideOfGateways:
    """Money that came by bank transfer and the like: recorded, and taken back. The invoice is 100.00."""

    def test_it_is_recorded_once_and_shown(self, api: Api, shop: Shop) -> None:
        invoice = invoice_to_pay(api, shop.customer)["id"]
        yesterday = (clock.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
        came = {"method": "bank_transfer", "reference": "RF18 5390", "at": yesterday}
        body = {"invoice_id": invoice, "amount": "13.00", "received": came}
        paid = api.post("/v1/payments", body, Idempotency_Key="transfer-1")
        assert paid == api.post("/v1/payments", body, Idempotency_Key="transfer-1")
        assert (paid["status"], paid["amount"], paid["gateway_account"]) == ("succeeded", "13.00", None)
        assert paid["received"] == came
        assert api.get("/v1/payments?gateway=outside&q=rf18")["data"] == [paid]
        assert api.get(f"/v1/invoices/{invoice}")["amount_due"] == "87.00"
        rest = api.post("/v1/payments", {"invoice_id": invoice, "received": {"method": "cash"}})
        assert (rest["amount"], api.get(f"/v1/invoices/{invoice}")["status"]) == ("87.00", "paid")
        assert api.get(f"/v1/access/{shop.customer}")["paid"] is True
        refund = api.post(f"/v1/payments/{rest['id']}/refunds", {"amount": "1.00"})
        assert (refund["status"], refund["gateway_ref"]) == ("succeeded", None)

    def test_it_is_taken_back(self, api: Api, shop: Shop) -> None:
        invoice = invoice_to_pay(api, shop.customer)["id"]
        paid = api.post("/v1/payments", {"invoice_id": invoice, "received": {"method": "cheque"}})
        for _ in range(2):
            undone = api.post(f"/v1/payments/{paid['id']}/reversal", {"reason": "bounced"}, expect=200)
            assert (undone["status"], undone["decline_code"]) == ("failed", "not_received")
        assert api.get(f"/v1/invoices/{invoice}")["amount_due"] == "100.00"
        card = api.post("/v1/payments", {"invoice_id": invoice, "token": "tok_ok"})
        assert api.post(f"/v1/payments/{card['id']}/reversal", expect=409)["code"] == "not_outside"

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({"received": {"method": "barter"}}, "unknown_method", "received.method"),
            ({"received": {"method": "cash", "at": "2199-01-01T00:00:00Z"}}, "in_the_future", "received.at"),
            ({"received": {"method": "cash", "at": "2001-01-01T00:00:00Z"}}, "too_early", "received.at"),
            ({"received": {"method": "cash", "reference": "x" * 256}}, "too_long", "received.reference"),
            ({"received": {"method": "cash"}, "token": "tok_ok"}, "ambiguous", "received"),
            ({"received": {"method": "cash"}, "capture": "manual"}, "ambiguous", "received"),
            ({"received": {"method": "cash"}, "amount": "100.01"}, "invalid_amount", "amount"),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, api: Api, shop: Shop, body: dict[str, object], code: str, field: str
    ) -> None:
        invoice = invoice_to_pay(api, shop.customer)["id"]
        refused = api.post("/v1/payments", {"invoice_id": invoice, **body}, expect=422)
        assert (refused["code"], refused["errors"][0]["field"]) == (code, field)
        assert api.get("/v1/payments")["data"] == []
