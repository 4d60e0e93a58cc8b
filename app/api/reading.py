"""The OpenAPI document as people read it: nouns with their operations, fields with their types in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.api.document import Document, operations

Schema = Mapping[str, Any]
# Keywords of JSON Schema that limit a value, in words.
LIMITS = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "maxLength": "At most {} characters.",
    "maxItems": "At most {} of them.",
    "maxProperties": "At most {} keys.",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body or answer. `shape` names the schema that says more, if there is one."""

    name: str
    kind: str
    required: bool
    note: str
    shape: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    parameters: Sequence[Field]
    body: str | None
    status: str
    answer: str | None


def chapters(whole: Document) -> Mapping[str, list[Operation]]:
    """The operations by noun, in the order of the document."""
    found: dict[str, list[Operation]] = {}
    for path, method, raw in operations(whole):
        found.setdefault(raw["tags"][0], []).append(_operation(path, method, raw))
    return found


def shapes(whole: Document) -> Mapping[str, tuple[str, list[Field]]]:
    """Every schema by name: what it is, and its fields."""
    schemas = whole["components"]["schemas"]
    return {name: (schema.get("description", ""), list(_fields(schema))) for name, schema in sorted(schemas.items())}


def _operation(path: str, method: str, raw: Document) -> Operation:
    status = next(status for status in raw["responses"] if status.startswith("2"))
    return Operation(
        raw["operationId"],
        method,
        path,
        raw["summary"],
        raw["description"],
        [_field(given["name"], given["schema"], given["required"], given) for given in raw["parameters"]],
        _shape(_json(raw.get("requestBody", {}))),
        status,
        _shape(_json(raw["responses"][status])),
    )


def _fields(schema: Schema) -> Iterator[Field]:
    for name, inner in schema.get("properties", {}).items():
        yield _field(name, inner, name in schema.get("required", ()), inner)


def _field(name: str, schema: Schema, required: bool, described: Schema) -> Field:
    notes = [described.get("description", ""), *_limits(schema)]
    return Field(name, _kind(schema), required, " ".join(filter(None, notes)), _shape(schema))


def _kind(schema: Schema) -> str:
    """`string`, `list of InvoiceLine`, `string or null`."""
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(f"“{word}”" for word in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return _shape(schema) or schema.get("format") or schema.get("type", "object")


def _limits(schema: Schema) -> list[str]:
    for option in schema.get("anyOf", (schema,)):
        return [words.format(option[keyword]) for keyword, words in LIMITS.items() if keyword in option]
    return []


def _shape(schema: Schema | None) -> str | None:
    """The name of the schema that this one refers to, itself, in a list, or as an option."""
    if not schema:
        return None
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = schema.get("anyOf", [schema["items"]] if "items" in schema else [])
    return next(filter(None, map(_shape, inner)), None)


def _json(message: Document) -> Schema | None:
    media: Document = message.get("content", {}).get("application/json", {})
    return media.get("schema")
