"""Tax rates by date, and where the tenant is registered to charge them."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Date, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Json, TenantRow, json_object, key


class TaxRate(TenantRow):
    """A rate of one jurisdiction, in force on the days [valid_from, valid_to)."""

    __tablename__ = "tax_rates"
    __table_args__ = (Index("tax_rates_by_place", "country", "region", "tenant_id"),)

    id: Mapped[str] = key("txr")
    name: Mapped[str] = mapped_column(String(40))
    scheme: Mapped[str] = mapped_column(String(16))
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(String(8))
    percent: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    compound: Mapped[bool] = mapped_column(default=False)
    rules: Mapped[Json] = json_object()
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class TaxRegistration(TenantRow):
    """A tax number of the tenant. Without one for a place, no tax is charged there."""

    __tablename__ = "tax_registrations"
    __table_args__ = (UniqueConstraint("country", "region", "scheme", "tenant_id", postgresql_nulls_not_distinct=True),)

    id: Mapped[str] = key("trg")
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str | None] = mapped_column(String(8))
    scheme: Mapped[str] = mapped_column(String(16))
    number: Mapped[str] = mapped_column(String(40))
    valid_from: Mapped[date | None] = mapped_column(Date)
