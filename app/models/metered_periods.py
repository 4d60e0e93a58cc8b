"""What has been invoiced of metered usage."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import TenantRow, belongs_to, exact, instant, key, minor, reference
from app.models.catalog import Charge
from app.models.subscriptions import Subscription


class MeteredPeriod(TenantRow):
    """What was invoiced of a charge for the usage of [period_start, period_end): a quantity, and the amount before tax.

    At `recount_at` the events are counted again: something came late, or may have been on its way when they were
    counted. What is missing then is invoiced by the policy of the meter.
    """

    __tablename__ = "metered_periods"
    __table_args__ = (
        belongs_to("subscription_id", "subscriptions"),
        belongs_to("charge_id", "charges"),
        belongs_to("invoice_id", "invoices"),
        belongs_to("meter_id", "meters"),
        UniqueConstraint("subscription_id", "charge_id", "period_start", "tenant_id"),
        Index("metered_periods_of_customer", "customer_id", "meter_id", "period_end", "tenant_id"),
        Index("metered_periods_to_recount", "recount_at", postgresql_where=text("recount_at IS NOT NULL")),
        CheckConstraint("period_start < period_end", name="metered_periods_forward"),
    )

    id: Mapped[str] = key("mpd")
    subscription_id: Mapped[str] = reference("sub")
    charge_id: Mapped[str] = reference("chg")
    customer_id: Mapped[str] = reference("cus")
    meter_id: Mapped[str] = reference("mtr")
    invoice_id: Mapped[str | None] = reference("inv")
    period_start: Mapped[datetime] = instant()
    period_end: Mapped[datetime] = instant()
    quantity: Mapped[Decimal] = exact()
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = minor()
    recount_at: Mapped[datetime | None] = instant()

    charge: Mapped[Charge] = relationship(viewonly=True)
    subscription: Mapped[Subscription] = relationship(viewonly=True)
