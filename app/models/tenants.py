"""Tenants: whoever sells. Every other table hangs below one."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base
from app.models.base import Json, TenantRow, instant, json_object, key


class Tenant(Base):
    """A seller with customers, books and staff of its own. `settings` overrides entries of `SETTINGS`."""

    __tablename__ = "tenants"

    id: Mapped[str] = key("ten")
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str]
    legal_name: Mapped[str]
    email: Mapped[str]
    mode: Mapped[str] = mapped_column(String(8), default="test")
    currency: Mapped[str] = mapped_column(String(3))
    timezone: Mapped[str]
    locale: Mapped[str] = mapped_column(String(16), default="en_CA")
    address: Mapped[Json] = json_object()
    invoice_prefix: Mapped[str] = mapped_column(String(16), default="INV-")
    settings: Mapped[Json] = json_object()
    created_at: Mapped[datetime] = instant(server_default=func.now())

    SETTINGS = {
        "retry_days": [1, 3, 5, 7],  # after the first failure
        "remind_before_days": [3],  # before the due date, of what is paid by hand
        "remind_after_days": [1, 3, 7],  # after the due date
        "final_action": "cancel",  # after the last retry: cancel, unpaid or keep_past_due
        "net_days": 14,  # until an invoice that is not collected by itself is due
        "incomplete_hours": 72,  # until a subscription expires whose first payment never came
        "grace_days": 7,  # past due customers keep access this long
        "grace_hours": 0,  # the invoice of a renewal stays a draft this long, to be looked at and changed
        "late_money": "balance",  # money that comes late, or beyond what is owed: balance, or refund
        "review_lines": 250,  # an invoice with more lines than this is set aside for a person to look at
        "review_amount": 1_000_000,  # and so is one of more than this before tax, in whole units of its currency
        "portal_changes": True,  # customers choose another plan or quantity in the portal
        "portal_pauses": False,  # and pause what they bought
        "numbering": "tenant",  # one series of invoice numbers for all, or one for each customer: tenant, customer
    }

    def setting(self, name: str) -> Any:
        """The tenant's own value of a setting, or the default. Raises KeyError for a name that does not exist."""
        return self.settings.get(name, self.SETTINGS[name])


class NumberSequence(TenantRow):
    """A gapless counter. Taking a number locks the row until commit, and a rollback gives it back."""

    __tablename__ = "number_sequences"

    name: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(default=0)
