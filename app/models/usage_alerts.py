"""Alerts on usage, and what they have told."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ARRAY, ForeignKeyConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, exact, instant, key, reference
from app.models.usage import Meter


class UsageAlert(TenantRow):
    """Levels of a meter that are told of, once in each billing period; of one customer, or of any."""

    __tablename__ = "usage_alerts"
    __table_args__ = (
        belongs_to("meter_id", "meters"),
        belongs_to("customer_id", "customers"),
        Index("usage_alerts_by_meter", "meter_id", "tenant_id"),
    )

    id: Mapped[str] = key("ual")
    meter_id: Mapped[str] = reference("mtr")
    customer_id: Mapped[str | None] = reference("cus")
    levels: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(38, 12)))

    meter: Mapped[Meter] = relationship(viewonly=True, lazy="joined", innerjoin=True)


class UsageCrossing(TenantRow):
    """A level that a subscription's usage reached in a period. The key lets it be told once."""

    __tablename__ = "usage_crossings"
    __table_args__ = (
        belongs_to("subscription_id", "subscriptions"),
        ForeignKeyConstraint(
            ["tenant_id", "alert_id"], ["usage_alerts.tenant_id", "usage_alerts.id"], ondelete="CASCADE"
        ),
    )

    alert_id: Mapped[str] = reference("ual", primary_key=True)
    subscription_id: Mapped[str] = reference("sub", primary_key=True)
    period_start: Mapped[datetime] = instant(primary_key=True)
    level: Mapped[Decimal] = exact(primary_key=True)


class UsageCheck(TenantRow):
    """A customer whose usage of a meter grew, so that the alerts on it are to be looked at."""

    __tablename__ = "usage_checks"
    __table_args__ = (Index("usage_checks_due", "created_at"),)

    customer_id: Mapped[str] = reference("cus", primary_key=True)
    meter_id: Mapped[str] = reference("mtr", primary_key=True)
