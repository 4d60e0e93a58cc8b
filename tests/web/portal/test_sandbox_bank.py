"""The sandbox's bank page: an answer for a payment that waits, and no effect otherwise."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.gateways.sandbox_bank import SandboxBank
from tests.web.portal.store import forms_of, words

BACK = "https://shop.example/back?order=1"


def charge(bank: SandboxBank, status: str) -> str:
    return bank.charge(f"pay_{status}", "tok_auth", 2260, "CAD", status, None, BACK).ref


def test_it_is_labelled_as_a_sandbox(app: Flask, client: FlaskClient, bank: SandboxBank) -> None:
    page = client.get(f"/sandbox-bank/{charge(bank, 'requires_action')}")
    assert "Sandbox: no money moves" in page.text
    assert "CA$22.60" in words(page)


@pytest.mark.parametrize(("answer", "ended"), [("approval", "succeeded"), ("refusal", "failed")])
def test_an_answer_is_taken_once_and_leads_back(
    app: Flask, client: FlaskClient, bank: SandboxBank, answer: str, ended: str
) -> None:
    page = f"/sandbox-bank/{charge(bank, 'requires_action')}"
    hidden = forms_of(client.get(page))[f"{page}/{answer}"]
    answered = client.post(f"{page}/{answer}", data=hidden)
    assert answered.headers["Refresh"] == f"0; url={BACK}"
    assert f'href="{BACK}"' in answered.text
    for again in ("approval", "refusal"):
        assert client.post(f"{page}/{again}", data=hidden).status_code == 404
    assert [one.status for one in bank.charges()] == [ended]


@pytest.mark.parametrize("status", ["succeeded", "failed", "pending", "canceled"])
def test_a_charge_that_does_not_wait_has_no_page(
    app: Flask, client: FlaskClient, bank: SandboxBank, status: str
) -> None:
    assert client.get(f"/sandbox-bank/{charge(bank, status)}").status_code == 404


def test_there_is_nothing_at_made_up_addresses(app: Flask, client: FlaskClient, bank: SandboxBank) -> None:
    assert client.get("/sandbox-bank/sbx_nothing").status_code == 404


def test_without_a_token_of_the_page_nothing_is_approved(app: Flask, client: FlaskClient, bank: SandboxBank) -> None:
    page = f"/sandbox-bank/{charge(bank, 'requires_action')}"
    assert client.post(f"{page}/approval").status_code == 400
    assert [one.status for one in bank.charges()] == ["requires_action"]
