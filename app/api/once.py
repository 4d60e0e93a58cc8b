"""Idempotency-Key: a POST that is sent again gets its first answer again, and does nothing twice."""

import hashlib
import json
import re
from collections.abc import Callable

from flask import Response, g, request

from app.api.callers import caller
from app.claims import Claim, current_claim
from app.db import transaction
from app.domain.errors import InvalidInput
from app.services import idempotency
from app.services.idempotency import Answered

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(work: Callable[[], Response]) -> Response:
    """Do the work of a request, or give the answer that its Idempotency-Key got before.

    A refusal is no answer to keep: nothing was done, and the same request may be sent again.
    """
    if request.method != "POST" or HEADER not in request.headers:
        return work()
    with transaction():
        claimed = idempotency.claim(caller().key_id, _key(), _fingerprint())
    return _replay(claimed) if isinstance(claimed, Answered) else _claimed(claimed, work)


def remember(response: Response) -> None:
    """Keep the answer for the claim at work, if there is one, in the caller's transaction."""
    if claim := current_claim.get():
        answer = Answered(response.status_code, response.get_data(), response.content_type or "")
        idempotency.remember(claim, answer)


def _claimed(claim: Claim, work: Callable[[], Response]) -> Response:
    token = current_claim.set(claim)
    try:
        return work()
    except Exception:
        with transaction():
            idempotency.release(claim)
        raise
    finally:
        current_claim.reset(token)


def _replay(answer: Answered) -> Response:
    replayed = Response(answer.body, answer.status, content_type=answer.content_type)
    replayed.headers["Idempotent-Replayed"] = "true"
    return replayed


def _key() -> str:
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "An Idempotency-Key has 1 to 255 visible ASCII characters.", code="invalid_idempotency_key", field=HEADER
        )
    return key


def _fingerprint() -> str:
    """SHA-256 over the address and the body; how the JSON is laid out does not matter."""
    asked = json.dumps([request.method, request.full_path, g.body], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()
