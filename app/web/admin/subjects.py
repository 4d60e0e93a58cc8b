"""Where the page of a row is, by the prefix of its id."""

from typing import Any, NamedTuple

from flask import url_for


class Subject(NamedTuple):
    """What a row is called, and the endpoint and argument of its page."""

    noun: str
    endpoint: str
    argument: str


SUBJECTS = {
    "cus": Subject("customer", "admin.customers.show", "customer_id"),
    "prd": Subject("product", "admin.products.show", "product_id"),
    "pln": Subject("plan", "admin.plans.show", "plan_id"),
    "sub": Subject("subscription", "admin.subscriptions.show", "subscription_id"),
    "cpn": Subject("coupon", "admin.coupons.show", "coupon_id"),
    "crn": Subject("credit note", "admin.credit_notes.show", "credit_note_id"),
    "mtr": Subject("meter", "admin.meters.show", "meter_id"),
    "inv": Subject("invoice", "admin.invoices.show", "invoice_id"),
    "pay": Subject("payment", "admin.payments.show", "payment_id"),
    "gac": Subject("gateway account", "admin.gateway_accounts.show", "account_id"),
    "dsp": Subject("dispute", "admin.disputes.show", "dispute_id"),
    "ntc": Subject("webhook", "admin.webhooks.show", "notice_id"),
    "jnl": Subject("journal entry", "admin.ledger.show", "entry_id"),
}


def address_of(subject_id: str | None) -> str | None:
    """The address of a row's page; None for a row that has none."""
    subject = SUBJECTS.get((subject_id or "").partition("_")[0])
    if subject is None:
        return None
    values: dict[str, Any] = {subject.argument: subject_id}
    return url_for(subject.endpoint, **values)


def noun_of(subject_id: str | None) -> str:
    """What a row is called: `invoice`."""
    subject = SUBJECTS.get((subject_id or "").partition("_")[0])
    return subject.noun if subject else "entry"
