"""The plain HTTP client: what each way of going wrong means, and what never leaves it."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from app.gateways.errors import GatewayError, GatewayRefused, OutcomeUnknown, RateLimited
from app.gateways.plain_http import Client, Fault, Refusal, if_there

ANSWERS: dict[str, tuple[int, bytes]] = {
    "/good": (200, b'{"amount": 11.30}'),
    "/nothing": (204, b""),
    "/elsewhere": (302, b""),
    "/page": (200, b"<!doctype html>"),
    "/missing": (404, b"{}"),
    "/refused": (422, b'{"code": "wrong", "message": "No, s3cret."}'),
    "/conflict": (409, b"{}"),
    "/broken": (503, b"{}"),
    "/busy": (429, b"{}"),
}


class Gateway(BaseHTTPRequestHandler):
    """Answers by path, sets a cookie each time, and keeps what it was asked with."""

    asked: list[dict[str, str]]

    def do_GET(self) -> None:
        self.asked.append(dict(self.headers.items()))
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Location", "/good")
        self.send_header("Retry-After", "7")
        self.send_header("Set-Cookie", "seen=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: Any) -> None:
        """Say nothing."""


def fault_in(status: int, body: Any) -> Fault | None:
    return Fault(status, body.get("code", ""), body.get("message", "")) if status >= 400 else None


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of such a gateway."""
    Gateway.asked = []
    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        yield Client("The gateway", url, 1, fault_in, lambda text: text.replace("s3cret", "[secret]"))
        server.shutdown()


def test_numbers_are_never_floats(client: Client) -> None:
    assert client.get("/good", {}) == {"amount": Decimal("11.30")}


def test_an_answer_may_be_empty(client: Client) -> None:
    assert client.get("/nothing", {}) == {}


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/elsewhere", GatewayRefused),
        ("/page", OutcomeUnknown),
        ("/missing", Refusal),
        ("/refused", Refusal),
        ("/conflict", OutcomeUnknown),
        ("/broken", OutcomeUnknown),
        ("/busy", RateLimited),
    ],
)
def test_what_goes_wrong_is_told_apart(client: Client, path: str, error: type[GatewayError]) -> None:
    with pytest.raises(error) as failed:
        client.get(path, {})
    assert type(failed.value) is error
    assert len(Gateway.asked) == 1


def test_a_refusal_has_the_gateways_code_and_not_our_secrets(client: Client) -> None:
    with pytest.raises(Refusal) as refused:
        client.get("/refused", {})
    assert (refused.value.status, refused.value.code) == (422, "wrong")
    assert str(refused.value) == "The gateway refused: wrong: No, [secret]."


def test_a_gateway_that_is_busy_says_for_how_long(client: Client) -> None:
    with pytest.raises(RateLimited) as busy:
        client.get("/busy", {})
    assert busy.value.retry_after == 7


def test_what_is_not_there_is_none_and_everything_else_is_an_error(client: Client) -> None:
    assert if_there(lambda: client.get("/missing", {})) is None
    with pytest.raises(Refusal):
        if_there(lambda: client.get("/refused", {}))


def test_cookies_are_not_kept_and_our_authorization_stands(
    client: Client, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for _ in range(2):
        client.get("/good", {"Authorization": "token ours"})
    assert [(asked["Authorization"], "Cookie" in asked) for asked in Gateway.asked] == [("token ours", False)] * 2
