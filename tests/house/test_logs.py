"""Logs: one line an event, with the request id, and never a secret, whatever name or shape it comes in."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from structlog.contextvars import clear_contextvars

from app import logs
from app.config import LogFormat
from app.crypto import random_secret
from app.logs import REDACTED, redact

SECRET = "Xy7-_verySecret0123456789"
BY_SHAPE = {
    "our key": f"key qk_live_{SECRET} was used",
    "our key with a dash at its beginning": f"qk_test_-{SECRET}",
    "a gateway's key": f"sk_live_{SECRET} is wrong",
    "a gateway's restricted key": f"rk_test_{SECRET}",
    "a webhook secret": f"whsec_{SECRET}",
    "a bearer": f"Authorization: Bearer {SECRET}",
    "a basic login": f"Authorization: Basic {SECRET}",
    "a password in an address": f"postgresql://billing:{SECRET}@db.example/main",
    "a password without a user": f"redis://:{SECRET}@cache.example",
    "a link that sets a password": f"GET /password/{SECRET}{SECRET} 200",
    "a link that pays an invoice": f"GET /pay/return/{SECRET}.{SECRET} 200",
}
CARDS = ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "6011111111111117"]
BY_NAME = [
    "password",
    "new_password",
    "api_key",
    "API_KEY",
    "secret_key",
    "token",
    "access_token",
    "Authorization",
    "cookie",
    "Set-Cookie",
    "credentials",
    "signature",
    "cvc",
    "card_number",
    "encryption_keys",
]
HARMLESS = {
    "an id": "inv_01h2xcejqtf2nbrexx3vqjhp41",
    "an instant": "2026-01-15T12:00:00.123456Z",
    "a number": "INV-000042",
    "an amount": "22.60 CAD",
    "an address": "http://127.0.0.1:8000/portal/invoices/inv_01h2xcejqtf2nbrexx3vqjhp41",
    "a short number": "123456789012",
}


def blanked(**event: object) -> str:
    return json.dumps(redact(None, "info", dict(event)))


@pytest.mark.parametrize("text", BY_SHAPE.values(), ids=BY_SHAPE)
def test_a_secret_is_known_by_its_shape(text: str) -> None:
    for said in (blanked(event=text), blanked(why=text), blanked(list=[text]), blanked(deep={"a": ({"b": text},)})):
        assert "verySecret" not in said
        assert "0123456789" not in said
        assert REDACTED in said


def test_every_key_we_make_is_known() -> None:
    for _ in range(500):
        secret = random_secret()
        assert secret[6:] not in blanked(event=f"qk_test_{secret}")


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_is_known_however_it_is_written(number: str) -> None:
    said = blanked(event=f"paid with {number}.", form={"note": number})
    assert number not in said
    assert said.count(REDACTED) == 2


@pytest.mark.parametrize("name", BY_NAME)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert "hush" not in blanked(**{name: "hush"}) + blanked(headers={name: "hush"}) + blanked(rows=[{name: "hush"}])


def test_an_error_is_read_like_a_text() -> None:
    assert "verySecret" not in blanked(error=ValueError(f"sk_live_{SECRET}"))


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_secret_can_be_read(text: str) -> None:
    assert REDACTED not in blanked(event=text)


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What is written as JSON from now on."""
    logs.configure("INFO", LogFormat.json)
    [handler] = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    out = StringIO()
    handler.setStream(out)
    yield out
    clear_contextvars()
    logs.configure("WARNING", LogFormat.console)


class TestLines:
    def test_our_lines_and_those_of_libraries_carry_the_request_id(self, written: StringIO) -> None:
        logs.start_trail("req_1")
        logs.logger("ours").info("paid", invoice="inv_1")
        logging.getLogger("theirs").warning("took %s", "long")
        ours, theirs = (json.loads(line) for line in written.getvalue().splitlines())
        assert (ours["event"], ours["invoice"], ours["request_id"]) == ("paid", "inv_1", "req_1")
        assert (theirs["event"], theirs["request_id"], theirs["level"]) == ("took long", "req_1", "warning")

    def test_a_traceback_is_one_line_without_its_secrets(self, written: StringIO) -> None:
        try:
            raise ValueError(f"cannot use sk_live_{SECRET}")
        except ValueError:
            logs.logger("ours").exception("failed")
        [line] = written.getvalue().splitlines()
        assert "ValueError" in line
        assert "verySecret" not in line

    def test_a_trail_that_is_followed_ends_with_the_work(self, written: StringIO) -> None:
        logs.start_trail("req_job")
        with logs.follow_trail("req_click"):
            assert logs.request_id() == "req_click"
        with logs.follow_trail(None):
            assert logs.request_id() == "req_job"
        assert logs.request_id() == "req_job"

    def test_each_trail_without_an_id_gets_one(self, written: StringIO) -> None:
        assert logs.start_trail(None) != logs.start_trail(None)
