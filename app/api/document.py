"""The OpenAPI 3.1 document: what the views say about themselves, and what holds for all of them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from app.api import problems
from app.api.once import HEADER
from app.api.operations import spec

Document = dict[str, Any]

IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Sent again within 30 days, the same key and request get the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
PROBLEM = {
    "description": "What is wrong, and what to do (RFC 9457).",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document() -> Document:
    """The whole document. It is made once and does not change while the process runs."""
    made = "responses" in spec.spec["components"]
    return spec.spec if made else _completed(spec.spec)


def operations(whole: Document) -> Iterator[tuple[str, str, Document]]:
    """Every operation with its path and method."""
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _completed(whole: Document) -> Document:
    """What spectree cannot know: problems, the header of every POST, bodies that may be left out."""
    whole["components"]["responses"] = {"Problem": PROBLEM}
    for _, method, operation in operations(whole):
        operation["responses"].pop("422", None)
        operation["responses"] |= {span: {"$ref": "#/components/responses/Problem"} for span in ("4XX", "5XX")}
        if method == "POST":
            operation["parameters"].append(IDEMPOTENCY_KEY)
        if body := operation.get("requestBody"):
            body["required"] = bool(_schema(whole, body["content"]["application/json"]).get("required"))
    _drop_queries(whole)
    return whole


def _drop_queries(whole: Document) -> None:
    """Models of queries stand in the parameters; nothing refers to them."""
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(whole)))
    schemas = whole["components"]["schemas"]
    for name in schemas.keys() - referred:
        del schemas[name]


def _schema(whole: Document, media: Document) -> Document:
    name = media["schema"]["$ref"].rpartition("/")[2]
    schema: Document = whole["components"]["schemas"][name]
    return schema
