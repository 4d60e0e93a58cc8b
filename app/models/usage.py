"""Metered usage: what is measured, and the events."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import current_tenant_id
from app.domain import usage
from app.ids import TypeId
from app.models.base import Json, TenantRow, exact, instant, json_object, key, reference


class Meter(TenantRow):
    """What is measured of events, and how. What it reads of an event is kept with the event, so that cannot change."""

    __tablename__ = "meters"
    __table_args__ = (
        UniqueConstraint("code", "tenant_id"),
        CheckConstraint("(aggregation = 'count') = (property_name IS NULL)", name="meters_count_needs_no_property"),
    )

    id: Mapped[str] = key("mtr")
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    aggregation: Mapped[str] = mapped_column(String(16))
    property_name: Mapped[str | None] = mapped_column(String(64))
    late_policy: Mapped[str] = mapped_column(String(16), default="next_invoice")
    details: Mapped[Json] = json_object(name="metadata")
    archived_at: Mapped[datetime | None] = instant()

    @property
    def rules(self) -> usage.Meter:
        """The meter as the domain reads events with it."""
        return usage.Meter(self.code, self.aggregation, self.property_name, self.late_policy)  # type: ignore[arg-type]


class UsageEvent(TenantRow):
    """Something a customer used. It was received at `created_at`, and `number` or `label` is what the meter read of it.

    Events are only ever added. They carry no foreign keys: checking three of them for each row would cost half of the
    intake's speed, intake looks the rows up anyway, and neither tenants nor customers nor meters are ever deleted.
    """

    __tablename__ = "usage_events"
    __table_args__ = (
        # All that a sum over a period reads stands in the index, so that it never visits the table.
        Index(
            "usage_events_measured",
            "customer_id",
            "meter_id",
            "at",
            "tenant_id",
            postgresql_include=["number", "label"],
        ),
        # Only pages known to hold settled rows spare a scan the visit: have them marked after every 2 % of new rows.
        {"postgresql_with": {"autovacuum_vacuum_insert_scale_factor": "0.02"}},
    )

    tenant_id: Mapped[str] = mapped_column(TypeId("ten"), primary_key=True, default=current_tenant_id, sort_order=-2)
    transaction_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    customer_id: Mapped[str] = reference("cus")
    meter_id: Mapped[str] = reference("mtr")
    at: Mapped[datetime] = instant()
    number: Mapped[Decimal] = exact()
    label: Mapped[str] = mapped_column(String(255))
    position: Mapped[int] = mapped_column(SmallInteger)  # in its batch
    properties: Mapped[Json] = json_object()

    meter: Mapped[Meter] = relationship(
        viewonly=True,
        primaryjoin="and_(foreign(UsageEvent.tenant_id) == Meter.tenant_id, foreign(UsageEvent.meter_id) == Meter.id)",
    )
