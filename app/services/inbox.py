"""The inbox: a webhook that was believed is sealed and kept, each of its notices once; the work on it comes later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from app import crypto
from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.gateways.types import Notice, RawRequest
from app.ids import new_id
from app.logs import request_id
from app.models import InboxNotice
from app.settings import current_settings

LONGEST_DEDUPE = 255


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sealed: a notice, and the webhook that brought it."""

    notice: Notice
    webhook: RawRequest

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


_LETTER = TypeAdapter(Letter)


def keep(account_id: str, webhook: RawRequest, notices: Sequence[Notice], at: datetime) -> int:
    """Keep the notices of a verified webhook in the tenant in scope; gives how many of them are new.

    A notice that came before is left as it is, also when both come at the same moment.
    """
    if not notices:
        return 0
    rows = [_row(account_id, Letter(notice, webhook), at) for notice in notices]
    kept = session().execute(insert(InboxNotice).on_conflict_do_nothing().returning(InboxNotice.id), rows).all()
    if kept:
        session().info["has_notices"] = True
    return len(kept)


def letter(row: InboxNotice) -> Letter:
    """Open what was sealed. Raises Conflict (`notice_locked`) when its key is not there any more."""
    try:
        opened = crypto.unseal(
            current_settings().keyring, crypto.Sealed(row.key_id, row.sealed), _bound_to(row.gateway_account_id)
        )
    except crypto.CannotOpen as error:
        raise Conflict(f"This notice cannot be opened: {error}.", code="notice_locked") from None
    return _LETTER.validate_json(opened)


def _row(account_id: str, found: Letter, at: datetime) -> dict[str, Any]:
    sealed = crypto.seal(current_settings().keyring, _LETTER.dump_json(found), _bound_to(account_id))
    dedupe = found.notice.dedupe
    return {
        "tenant_id": current_tenant_id(),
        "id": new_id("ntc"),
        "gateway_account_id": account_id,
        "dedupe": dedupe if len(dedupe) <= LONGEST_DEDUPE else crypto.secret_hash(dedupe),
        "kind": found.notice.kind,
        "sealed": sealed.box,
        "key_id": sealed.key_id,
        "due_at": at,
        "received_at": found.webhook.received_at,
        "request_id": request_id(),
        "created_at": at,
    }


def _bound_to(account_id: str) -> str:
    return f"{current_tenant_id()}|inbox_notices|{account_id}"
