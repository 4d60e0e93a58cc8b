"""The inbox: a webhook that was believed is sealed and kept, each of its notices once; the work on it comes later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter
from uuid_utils.compat import uuid7

from app import crypto
from app.domain.errors import Conflict
from app.gateways.types import Notice, RawRequest
from app.ids import to_uuid
from app.logs import request_id
from app.models import InboxNotice
from app.services import bulk
from app.settings import current_settings

LONGEST_DEDUPE = 255


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sealed: a notice, and the webhook that brought it."""

    notice: Notice
    webhook: RawRequest

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class Row(NamedTuple):
    """A notice as it stands in the inbox, due at once."""

    tenant_id: UUID
    id: UUID
    gateway_account_id: UUID
    dedupe: str
    kind: str
    sealed: bytes
    key_id: str
    due_at: datetime
    received_at: datetime
    request_id: str | None
    created_at: datetime


_LETTER = TypeAdapter(Letter)
_ONCE = attrgetter("gateway_account_id", "dedupe")


def seal(tenant_id: str, account_id: str, webhook: RawRequest, notices: Sequence[Notice]) -> Sequence[Row]:
    """The rows that keep the notices of a verified webhook, sealed; `insertion` writes them."""
    return [_row(tenant_id, account_id, Letter(notice, webhook)) for notice in notices]


def insertion(rows: Sequence[Row]) -> bulk.Statement:
    """The statement that keeps rows of one tenant; it may be executed any number of times.

    A notice that came before is left as it is, also when both come at the same moment. Written in the order of what
    must be unique: two who keep the same notices never wait for each other.
    """
    return bulk.insertion(InboxNotice, Row._fields, sorted(rows, key=_ONCE))


def letter(row: InboxNotice) -> Letter:
    """Open what was sealed. Raises Conflict (`notice_locked`) when its key is not there any more."""
    bound_to = _bound_to(row.tenant_id, row.gateway_account_id)
    try:
        opened = crypto.unseal(current_settings().keyring, crypto.Sealed(row.key_id, row.sealed), bound_to)
    except crypto.CannotOpen as error:
        raise Conflict(f"This notice cannot be opened: {error}.", code="notice_locked") from None
    return _LETTER.validate_json(opened)


def _row(tenant_id: str, account_id: str, found: Letter) -> Row:
    sealed = crypto.seal(current_settings().keyring, _LETTER.dump_json(found), _bound_to(tenant_id, account_id))
    dedupe, at = found.notice.dedupe, found.webhook.received_at
    return Row(
        to_uuid("ten", tenant_id),
        uuid7(),
        to_uuid("gac", account_id),
        dedupe if len(dedupe) <= LONGEST_DEDUPE else crypto.secret_hash(dedupe),
        found.notice.kind.value,
        sealed.box,
        sealed.key_id,
        at,
        at,
        request_id(),
        at,
    )


def _bound_to(tenant_id: str, account_id: str) -> str:
    return f"{tenant_id}|inbox_notices|{account_id}"
