"""What a request says, read strictly: a JSON object or nothing, and never a card number."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from flask import g, request

from app.api.refusals import InvalidFields, Malformed, UnsupportedMedia
from app.domain.card_numbers import a_line_holds_card_number
from app.domain.errors import FieldError
from app.services.payment_methods import refuse_card_number

JSON_TYPE = "application/json"
MAX_DEPTH = 20
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read() -> None:
    """Read the body, and look at every text of the request before anything else does.

    Raises Malformed, UnsupportedMedia, or InvalidInput for a card number (`card_number_refused`) and for characters
    that cannot be stored (`invalid_text`).
    """
    g.body = _body()
    if not is_harmless(g.body):
        look_closely(g.body)
    for field, value in (*request.args.items(multi=True), *(request.view_args or {}).items()):
        _refuse_unstorable(str(value), field)


def is_harmless(body: dict[str, Any]) -> bool:
    """Whether a look at all texts at once finds nothing amiss: a batch of usage takes ten times as long text by text.

    What is not harmless may still be nothing that is refused.
    """
    names: set[str] = set()
    texts: list[str] = []
    boxes: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        values: list[Any] = []
        for box in boxes:
            if isinstance(box, dict):
                names.update(box)
                values += box.values()
            else:
                values += box
        kinds: dict[type, list[Any]] = defaultdict(list)
        for value in values:
            kinds[type(value)].append(value)
        texts += (*kinds[str], *map(str, kinds[int]))
        boxes = [*kinds[dict], *kinds[list]]
    whole = "\n".join((*names, *texts))
    try:
        return not boxes and "\0" not in whole and not a_line_holds_card_number(whole.encode())
    except UnicodeEncodeError:
        return False


def look_closely(body: dict[str, Any]) -> None:
    """Raises for the first text of the body that is refused, naming where it stands, and for a body too deep."""
    for field, text in _texts(body):
        refuse_card_number(text, field)
        _refuse_unstorable(text, field)


def _body() -> dict[str, Any]:
    """The JSON object of the request; empty when there is no body."""
    raw = request.get_data()
    if not raw.strip():
        return {}
    if request.mimetype != JSON_TYPE:
        raise UnsupportedMedia(f"Send the body as JSON, with the header “Content-Type: {JSON_TYPE}”.")
    return _object(raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Malformed("The body must be a JSON object: {…}.")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _texts(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text, whole number and field name in a JSON object, with the path to it: `lines.0.description`."""
    waiting: list[tuple[str, Any, int]] = [("", body, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Malformed(f"The body is nested more than {MAX_DEPTH} deep.")
        if isinstance(value, str | int):
            yield path, str(value)
        for name, inner in _parts(value):
            waiting.append((f"{path}.{name}".removeprefix("."), inner, depth + 1))
            yield path or "body", name


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """The named fields of an object, or the numbered items of a list."""
    if isinstance(value, dict):
        return value.items()
    return ((str(i), item) for i, item in enumerate(value)) if isinstance(value, list) else ()


def _refuse_unstorable(text: str, field: str) -> None:
    """PostgreSQL keeps no NUL, and half a surrogate pair is no character."""
    if _UNSTORABLE.search(text):
        message = "This text has characters that cannot be stored (NUL or half a surrogate pair)."
        raise InvalidFields([("invalid_text", FieldError(field, message))])
