"""What a kept webhook says, fit for the eyes of staff: secrets and what tells who the payer is are blanked."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from app.logs import REDACTED, redact
from app.models import InboxNotice
from app.services import inbox

PRIVATE = re.compile(r"name|mail|phone|address|line_?[12]|city|postal|zip|birth|iban|msisdn|payer|(^|_)ip($|_)", re.I)
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reading:
    """The headers, and the query and body as indented text."""

    headers: Sequence[tuple[str, str]]
    query: str
    body: str


def read(row: InboxNotice) -> Reading:
    """Open a notice for somebody to read. Raises Conflict (`notice_locked`) when it cannot be opened any more."""
    webhook = inbox.letter(row).webhook
    headers = sorted(redact(None, "", dict(webhook.headers)).items())
    return Reading(headers, _text(dict(webhook.query)), _body(webhook.body, webhook.headers.get("content-type", "")))


def _body(body: bytes, content_type: str) -> str:
    try:
        text = body.decode()
        return _text(dict(parse_qsl(text)) if content_type.startswith(FORM) else json.loads(text))
    except ValueError:
        return f"{len(body)} bytes that are no JSON."


def _text(said: Any) -> str:
    shown = _without_payer("", redact(None, "", {"said": said})["said"])
    return json.dumps(shown, indent=2, ensure_ascii=False) if shown else ""


def _without_payer(name: str, value: Any) -> Any:
    if value and PRIVATE.search(name):
        return REDACTED
    if isinstance(value, dict):
        return {key: _without_payer(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_payer("", inner) for inner in value]
    return value
