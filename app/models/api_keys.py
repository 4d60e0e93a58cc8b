"""API keys and the answers remembered for Idempotency-Key."""

from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.ids import new_id
from app.models.base import Json, TenantRow, instant, json_object, key, reference

IDEMPOTENCY_KEPT = timedelta(days=30)


class ApiKey(TenantRow):
    """A secret of a client application. Shown once; only its SHA-256 is kept, which is enough for 256 random bits."""

    __tablename__ = "api_keys"

    id: Mapped[str] = key("key")
    name: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(24))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    limits: Mapped[Json] = json_object()
    expires_at: Mapped[datetime | None] = instant()
    last_used_at: Mapped[datetime | None] = instant()


class IdempotencyKey(TenantRow):
    """The first answer to a POST, kept for thirty days, with a fingerprint of the request.

    Until there is an answer, `locked_until` says how long the one who took the key may still be at work. `id` is what
    the request's effects carry as `requested_by`.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_by_age", "created_at"),)

    application: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[str] = reference("idk", default=lambda: new_id("idk"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    locked_until: Mapped[datetime | None] = instant()
    status: Mapped[int | None] = mapped_column(Integer)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    headers: Mapped[Json] = json_object()
