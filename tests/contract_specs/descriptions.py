"""An OpenAPI description, as far as it takes to check requests and answers against it."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, ValidationError

from simulators.calls import Answer, Call
from simulators.forms import nested

Json = dict[str, Any]
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Description:
    """One gateway's description. `strict`: a request may only have fields that the description names; `below`: the
    part of its paths that the description leaves out."""

    def __init__(self, path: str, *, strict: bool = False, below: str = "") -> None:
        text = (Path(os.environ["QUITTANCE_SPECS"]) / path).read_text()
        self.strict = strict
        self.document: Json = _with_nulls(json.loads(text))
        self.paths = {
            re.compile(below + re.sub(r"\{[^}]+\}", "[^/]+", path)): verbs
            for path, verbs in self.document["paths"].items()
        }

    def operation(self, call: Call) -> Json | None:
        """What the description says about a request, if anything. Paths without parameters go first."""
        fitting = [verbs for pattern, verbs in self.paths.items() if pattern.fullmatch(call.path)]
        exact = self.document["paths"].get(call.path)
        found: Json | None = (exact or (fitting[0] if fitting else {})).get(call.method.lower())
        return found

    def request_faults(self, call: Call) -> list[str]:
        """What is wrong with a request: its query, or its body."""
        operation = self.operation(call) or {}
        content = (operation.get("requestBody") or {}).get("content", {})
        kind = next((kind for kind in (FORM, JSON) if kind in content), None)
        if kind is None:
            return self._query_faults(operation, call)
        schema = _closed(content[kind]["schema"], self.document) if self.strict else content[kind]["schema"]
        body = self._typed(nested(call.body.decode()), schema) if kind == FORM else call.json
        return self._faults(schema, body, call)

    def answer_faults(self, call: Call, answer: Answer) -> list[str]:
        """What is wrong with an answer; references that were written out count as their ids."""
        operation = self.operation(call)
        if operation is None:
            return []
        status = str(answer.status) if str(answer.status) in operation["responses"] else "default"
        if status == "default" and status not in operation["responses"]:
            return []
        content = operation["responses"][status].get("content")
        return self._faults(content[JSON]["schema"], _folded(answer.body), call) if content else []

    def _query_faults(self, operation: Json, call: Call) -> list[str]:
        parameters = map(self._resolved, operation.get("parameters", []))
        known = {parameter["name"]: parameter["schema"] for parameter in parameters}
        asked = nested(call.query)
        unknown = [f"{without_ids(call.line)}: unknown parameter {name}" for name in asked if name not in known]
        typed = {name: (self._typed(value, known[name]), known[name]) for name, value in asked.items() if name in known}
        return unknown + [fault for value, schema in typed.values() for fault in self._faults(schema, value, call)]

    def _faults(self, schema: Json, value: Any, call: Call) -> list[str]:
        validator = Draft7Validator({"allOf": [schema], "components": self.document["components"]})
        faults = validator.iter_errors(value)
        return [f"{without_ids(call.line)} {_where(fault)}: {fault.message[:160]}" for fault in faults]

    def _typed(self, value: Any, schema: Json) -> Any:
        """What a form or query says, with its texts read as the types that the description has."""
        schema = self._resolved(schema)
        if isinstance(value, dict):
            properties = _properties(schema)
            return {name: self._typed(inner, properties.get(name, {})) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._typed(inner, schema.get("items", {})) for inner in value]
        kinds = {kind.get("type") for kind in [schema, *schema.get("anyOf", [])]}
        if "array" in kinds:
            return [value]
        if kinds & {"integer", "number"} and value.lstrip("-").isdecimal():
            return int(value)
        return {"true": True, "false": False}.get(value, value) if "boolean" in kinds else value

    def _resolved(self, schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        _, section, name = schema["$ref"].rsplit("/", 2)
        return self._resolved(self.document["components"][section][name])


class Descriptions:
    """Several descriptions of one gateway, each of a part of it."""

    def __init__(self, *parts: Description) -> None:
        self.parts = parts

    def operation(self, call: Call) -> Json | None:
        """What any of them says about a request."""
        return next((found for part in self.parts if (found := part.operation(call))), None)

    def request_faults(self, call: Call) -> list[str]:
        """What is wrong with a request, by the one that describes it."""
        return [fault for part in self.parts if part.operation(call) for fault in part.request_faults(call)]

    def answer_faults(self, call: Call, answer: Answer) -> list[str]:
        """What is wrong with an answer, by the one that describes it."""
        return [fault for part in self.parts if part.operation(call) for fault in part.answer_faults(call, answer)]


def _properties(schema: Json) -> Mapping[str, Json]:
    options = [schema, *schema.get("anyOf", [])]
    return {name: inner for option in options for name, inner in option.get("properties", {}).items()}


def _folded(value: Any) -> Any:
    """An answer in which the objects that Stripe wrote out inside of others are their ids again."""
    if isinstance(value, list):
        return [_folded(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    inside = "object" in value and value["object"] != "list"
    return {name: _reference(inner) if inside else _folded(inner) for name, inner in value.items()}


def _reference(value: Any) -> Any:
    written_out = isinstance(value, dict) and "object" in value and value["object"] != "list"
    return value["id"] if written_out else _folded(value)


def _with_nulls(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`, JSON Schema says that the type may be null."""
    if isinstance(node, list):
        return [_with_nulls(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _with_nulls(inner) for name, inner in node.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def _closed(schema: Json, document: Json) -> Json:
    """The schema with its references written in, in which every object has the fields it names and no others."""
    if "$ref" in schema:
        return _closed(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    closed = {name: _closed_part(inner, document) for name, inner in schema.items()}
    return closed | ({"additionalProperties": False} if "properties" in schema else {})


def _closed_part(node: Any, document: Json) -> Any:
    if isinstance(node, list):
        return [_closed_part(inner, document) for inner in node]
    return _closed(node, document) if isinstance(node, dict) else node


def without_ids(line: str) -> str:
    """The line of a request with ids left out: `GET /v1/refunds/{id}`."""
    return re.sub(r"/(?=[^/]*\d)[^/]{8,}|(?<=/locations)/[^/]+", "/{id}", line)


def _where(fault: ValidationError) -> str:
    return ".".join("#" if isinstance(part, int) else str(part) for part in fault.path)
