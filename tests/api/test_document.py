"""The OpenAPI document is valid, whole and true, and can be read by people."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.permissions import Permission

QUIET_METHODS = {"HEAD", "OPTIONS"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json
    return found


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_below_v1_is_in_the_document_and_guarded(app: Flask, document: dict[str, Any]) -> None:
    routes = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1")]
    assert routes
    for rule in routes:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        assert {method.upper() for method in document["paths"][path]} >= (rule.methods or set()) - QUIET_METHODS
        (needs,) = app.view_functions[rule.endpoint].permissions
        assert isinstance(needs, Permission)


def test_every_operation_is_described_and_tells_of_problems(document: dict[str, Any]) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"].endswith(".")
        assert operation["responses"]["4XX"] == {"$ref": "#/components/responses/Problem"}


def test_every_post_takes_an_idempotency_key_and_nothing_else_does(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for method, operation in methods.items():
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert ("Idempotency-Key" in names) == (method == "post")


def test_no_amount_is_ever_a_json_number(document: dict[str, Any]) -> None:
    assert '"type": "number"' not in json.dumps(document)


@pytest.mark.parametrize(
    ("method", "path", "required"),
    [("post", "/v1/customers", True), ("post", "/v1/subscriptions/{subscription_id}/cancel", False)],
)
def test_a_body_without_required_fields_may_be_left_out(
    document: dict[str, Any], method: str, path: str, required: bool
) -> None:
    assert document["paths"][path][method]["requestBody"]["required"] is required


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    page = client.get("/docs")
    text = page.get_data(as_text=True)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
        assert f"<code>{path}</code>" in text
    assert not re.search(r'(src|href)="(https?:)?//', text)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_every_link_of_the_page_leads_somewhere(client: FlaskClient) -> None:
    text = client.get("/docs").get_data(as_text=True)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r' id="([^"]+)"', text))
