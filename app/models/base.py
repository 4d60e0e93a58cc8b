"""What all tables share: ids, the tenant in every key, money and time columns, statuses that obey the lifecycle.

Secondary indexes name the tenant last. Foreign keys look up (tenant_id, id), and on a table without statistics the
planner may take any index that begins with the tenant for that, which then reads all of the tenant's rows.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from app.claims import claim_id
from app.db import current_tenant_id
from app.domain.lifecycle import Noun, check_transition, statuses
from app.extensions import Base
from app.ids import TypeId, new_id

Json = dict[str, Any]


def instant(**options: Any) -> MappedColumn[Any]:
    """An instant (`…_at`), kept with its time zone."""
    return mapped_column(DateTime(timezone=True), **options)


def minor(**options: Any) -> MappedColumn[Any]:
    """Money in minor units (`…_minor`); its currency stands in the same row."""
    return mapped_column(BigInteger, **options)


def exact(**options: Any) -> MappedColumn[Any]:
    """A unit price, rate or quantity, to twelve decimals."""
    return mapped_column(Numeric(38, 12), **options)


def json_object(**options: Any) -> MappedColumn[Any]:
    """A JSON object that is never null."""
    return mapped_column(JSONB, default=dict, server_default="{}", nullable=False, **options)


def key(prefix: str) -> MappedColumn[Any]:
    """The row's own id, a TypeID with that prefix."""
    return mapped_column(TypeId(prefix), primary_key=True, default=lambda: new_id(prefix), sort_order=-1)


def reference(prefix: str, **options: Any) -> MappedColumn[Any]:
    """A column that holds another row's id; `belongs_to` ties it to that row's table."""
    return mapped_column(TypeId(prefix), **options)


def requested_by() -> MappedColumn[Any]:
    """The claim (see app/claims.py) of the request that asked for the row: asked again, the row is found by it."""
    return mapped_column(TypeId("idk"), default=claim_id)


def asked_once(table: str) -> Index:
    """One request makes at most one such row, however often it is repeated."""
    return Index(
        f"{table}_asked_once",
        "tenant_id",
        "requested_by",
        unique=True,
        postgresql_where=text("requested_by IS NOT NULL"),
    )


def belongs_to(column: str, table: str) -> ForeignKeyConstraint:
    """A foreign key that carries the tenant: a row can only ever point inside its own tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def known_status(noun: Noun) -> CheckConstraint:
    """The database, too, knows only the statuses of the lifecycle table."""
    words = ", ".join(f"'{status}'" for status in sorted(statuses(noun)))
    return CheckConstraint(f"status IN ({words})", name=f"{noun}s_known_status")


def known_words(table: str, column: str, words: Iterable[str]) -> CheckConstraint:
    """The database, too, knows only these words in a column."""
    known = ", ".join(f"'{word}'" for word in sorted(words))
    return CheckConstraint(f"{column} IN ({known})", name=f"{table}_known_{column}")


class TenantRow(Base):
    """A row of one tenant. Its key is (tenant_id, id), so every reference to it names the tenant too."""

    __abstract__ = True

    tenant_id: Mapped[str] = mapped_column(
        TypeId("ten"),
        ForeignKey("tenants.id"),
        primary_key=True,
        default=current_tenant_id,
        sort_order=-2,
    )
    created_at: Mapped[datetime] = instant(server_default=func.now(), sort_order=100)


class HasStatus:
    """A row whose status moves along the table of its noun in `domain.lifecycle`."""

    noun: ClassVar[Noun]
    status: Mapped[str]

    def transition_to(self, new: str) -> bool:
        """Move to another status. False when it is already there; raises IllegalTransition for a forbidden one."""
        if not check_transition(self.noun, self.status, new):
            return False
        self.status = new
        return True
