"""No form and no button works without the token of its own page."""

from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.ids import new_id
from tests.web.people import TOKEN, add, sign_in

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
ELSEWHERE = ("/v1", "/oauth", "/webhooks")  # these know their callers by keys and signatures, not by cookies


def made_up(rule: Rule) -> dict[str, str]:
    """Something for each part of an address: one of the words where only some are taken, an id elsewhere."""
    words = {name: getattr(part, "items", None) for name, part in rule._converters.items()}
    return {name: min(words[name]) if words.get(name) else new_id("any") for name in rule.arguments}


def written_to(app: Flask) -> list[tuple[str, str]]:
    """Every (method, path) of the portal that changes something, with made-up ids in it."""
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        return [
            (method, adapter.build(rule.endpoint, made_up(rule), method))
            for rule in app.url_map.iter_rules()
            for method in sorted((rule.methods or set()) & WRITES)
            if not rule.rule.startswith(ELSEWHERE)
        ]


@pytest.fixture
def owner(app: Flask, client: FlaskClient, tenant: str, at: datetime) -> FlaskClient:
    add(app, tenant, "ada@acme.example", "owner", at)
    sign_in(client, "ada@acme.example")
    return client


@pytest.mark.parametrize("token", ["", "made-up", "IjEyMyI.aa.bb"])
def test_nothing_is_written_without_the_token(app: Flask, owner: FlaskClient, token: str) -> None:
    writes = written_to(app)
    assert len(writes) >= 8
    for method, path in writes:
        answer = owner.open(path, method=method, data={"csrf_token": token})
        assert answer.status_code == 400, (method, path)
        assert "This page was open for too long" in answer.text
    assert owner.get("/profile").status_code == 200, "the session still stands"


def test_the_token_of_somebody_else_is_none(app: Flask, owner: FlaskClient) -> None:
    theirs = TOKEN.search(app.test_client().get("/sign-in").text)
    assert theirs
    assert owner.post("/sign-out", data={"csrf_token": theirs[1]}).status_code == 400


def test_htmx_sends_the_token_in_a_header(owner: FlaskClient) -> None:
    token = TOKEN.search(owner.get("/profile").text)
    assert token
    headers = {"HX-Request": "true", "X-CSRFToken": token[1]}
    answer = owner.post("/profile/sessions/end", headers=headers)
    assert answer.headers["HX-Redirect"] == "/profile"


def test_for_htmx_the_refusal_is_a_message_beside_the_page(owner: FlaskClient) -> None:
    answer = owner.post("/profile/sessions/end", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == (
        400,
        "#toasts",
        "beforeend",
    )
    assert "This page was open for too long" in answer.text
    assert "<html" not in answer.text
