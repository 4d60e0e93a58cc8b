"""Template filters of the staff's pages."""

from collections.abc import Callable
from typing import Any

from app.models import Invoice, Payment, PaymentMethod
from app.present import present
from app.services.formats import method_name, paid_with
from app.web.admin.blueprint import pages
from app.web.admin.choices import country_name
from app.web.admin.discounts import coupon_standing, discount_text, duration_text, redemption_standing
from app.web.admin.forms.catalog import TAX_CATEGORIES
from app.web.admin.prices import price_text, rhythm, unit_price
from app.web.admin.subjects import address_of
from app.web.formats import NOTHING


def standing(invoice: Invoice) -> str:
    """The status to show: an open invoice may be overdue, or paid in part."""
    if invoice.status != "open":
        return invoice.status
    was_tried = invoice.collection == "manual" or invoice.first_failed_at is not None
    if was_tried and invoice.due_at and invoice.due_at <= present(invoice.id):
        return "overdue"
    return "partially_paid" if invoice.paid_minor else "open"


def method(row: PaymentMethod | None) -> str:
    """What people know a payment method by, if there is one."""
    return method_name(row) if row else NOTHING


def means(row: Payment) -> str:
    """What a payment was made with, if that is known."""
    return paid_with(row) or NOTHING


def place(row: Payment) -> str:
    """Where a payment was made: the gateway account, or the reference of money that came in outside of any."""
    return row.gateway_account.name if row.gateway_account else row.outside_reference or "Outside of gateways"


def words(name: str | None) -> str:
    """A word of ours as people write it: `insufficient_funds` is “Insufficient funds”."""
    return name.replace("_", " ").capitalize() if name else NOTHING


BALANCE_FACTS = {
    "balance_adjusted": "Changed by hand",
    "customer_balance_applied": "Paid an invoice",
    "credit_note_issued": "Credit note",
    "late_payment_to_balance": "Money that came late",
    "payment_unapplied": "Money beyond what was owed",
    "payment_succeeded": "Money beyond what was owed",
    "payment_refunded": "Sent back",
}


def balance_fact(fact: str) -> str:
    """Why a balance moved."""
    return BALANCE_FACTS.get(fact) or words(fact)


def tax_category(name: str) -> str:
    """What something is for taxes, in the words of the form."""
    return next((choice.label for choice in TAX_CATEGORIES if choice.value == name), name)


FILTERS: dict[str, Callable[[Any], str]] = {
    "standing": standing,
    "method_name": method,
    "means": means,
    "place": place,
    "words": words,
    "tax_category": tax_category,
    "price_text": price_text,
    "rhythm": rhythm,
    "country_name": country_name,
    "balance_fact": balance_fact,
    "discount_text": discount_text,
    "duration_text": duration_text,
    "redemption_standing": redemption_standing,
}
for name, function in FILTERS.items():
    pages.add_app_template_filter(function, name)
pages.add_app_template_filter(unit_price, "price_of_one")
pages.add_app_template_filter(coupon_standing, "coupon_standing")
pages.add_app_template_global(address_of, "subject_address")
