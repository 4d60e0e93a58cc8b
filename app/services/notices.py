"""News for customers, as queued mail: the invoice, the receipt, trouble with a payment."""

from datetime import datetime
from typing import Any

from app.db import session, transaction
from app.models import Customer, Invoice, Payment, Refund, Subscription
from app.queries.base import get
from app.queries.portal import OWED, can_sign_in
from app.services import documents, dunning, mails, pay_links
from app.services.formats import day_text, money_text


def invoice_issued(invoice_id: str, at: datetime) -> None:
    """Make the PDF of a new invoice and queue it for the customer."""
    with transaction():
        document = documents.invoice_pdf(invoice_id, at)
        _about_invoice("invoice", invoice_id, at, document_id=document.id)


def invoice_paid(invoice_id: str, at: datetime) -> None:
    """Thank for a payment."""
    with transaction():
        _about_invoice("receipt", invoice_id, at)


def payment_failed(payment_id: str, at: datetime) -> None:
    """Say why a payment failed, and what happens next."""
    with transaction():
        payment = get(Payment, payment_id)
        invoice = get(Invoice, payment.invoice_id)
        customer = get(Customer, payment.customer_id)
        retry_at = dunning.next_retry(invoice, at)
        _about_invoice(
            "payment_failed",
            invoice.id,
            at,
            dedupe=payment_id,
            why=payment.message,
            retry_on=day_text(retry_at, customer) if retry_at else None,
        )


def action_required(payment_id: str, at: datetime) -> None:
    """Ask the customer to approve a payment, unless they are doing so at this moment."""
    with transaction():
        payment = get(Payment, payment_id)
        if payment.off_session:
            _about_invoice("action_required", payment.invoice_id, at, dedupe=payment_id)


def refund_made(refund_id: str, at: datetime) -> None:
    """Say that money is on its way back."""
    with transaction():
        _about_refund("refund", get(Refund, refund_id), at)


def refund_to_claim(refund_id: str, at: datetime) -> None:
    """Send the customer the page on which they say where the money shall go, where a gateway wants that of them or the
    money goes back on a chain."""
    with transaction():
        refund = get(Refund, refund_id)
        step = refund.next_step
        if step.get("kind") == "claim_link":
            _about_refund("refund_claim", refund, at, claim=step["url"])
        elif step.get("kind") == "payout" and not step.get("address"):
            claim = pay_links.refund_address(refund_id, at)
            _about_refund("refund_to_address", refund, at, claim=claim, coins=step["amount_text"], on=step["network"])


def refund_address_given(refund_id: str, at: datetime) -> None:
    """Confirm the address to which a refund goes, each new one, so that nobody else gives one unnoticed."""
    with transaction():
        refund = get(Refund, refund_id)
        step = refund.next_step
        if address := step.get("address"):
            context = {"address": address, "coins": step["amount_text"], "on": step["network"]}
            _about_refund("refund_address", refund, at, dedupe=f"{refund_id}:{address}", **context)


def subscription_canceled(subscription_id: str, at: datetime) -> None:
    """Confirm a cancellation."""
    with transaction():
        subscription = get(Subscription, subscription_id)
        customer = get(Customer, subscription.customer_id)
        ends = subscription.ended_at or subscription.current_period_end
        context = {
            "name": customer.name,
            "plan": subscription.plan.name,
            "ends_on": day_text(ends, customer),
            "in_portal": can_sign_in(customer.id),
        }
        mails.queue(
            "subscription_canceled",
            customer.email,
            at,
            dedupe=f"{subscription_id}:{ends:%F}",
            context=context,
            customer_id=customer.id,
        )


def new_pay_link(invoice_id: str, at: datetime) -> None:
    """Send the link to an invoice anew, in place of one that has ended, if there is anything left to pay.

    At most one a minute, to the customer's own address whoever asked.
    """
    with transaction():
        if get(Invoice, invoice_id).status in OWED:
            _about_invoice("pay_link", invoice_id, at, dedupe=f"{invoice_id}:{at:%Y-%m-%dT%H:%M}")


def _about_refund(template: str, refund: Refund, at: datetime, *, dedupe: str | None = None, **more: Any) -> None:
    customer = get(Customer, refund.payment.customer_id)
    amount = money_text(refund.amount, customer.locale)
    _about_invoice(template, refund.payment.invoice_id, at, dedupe=dedupe or refund.id, amount=amount, **more)


def _about_invoice(template: str, invoice_id: str, at: datetime, *, dedupe: str | None = None, **more: Any) -> None:
    invoice = get(Invoice, invoice_id)
    customer = get(Customer, invoice.customer_id)
    if customer.deleted_at:
        return
    context = {
        "name": customer.name,
        "number": invoice.number,
        "link": pay_links.mailed_address(invoice, at),
        "total": money_text(invoice.total, customer.locale),
        "due": money_text(invoice.due, customer.locale),
        "due_on": day_text(invoice.due_at, customer) if invoice.due_at else None,
        "automatic": invoice.collection == "automatic",
        **more,
    }
    mails.queue(template, customer.email, at, dedupe=dedupe or invoice_id, context=context, customer_id=customer.id)
    session().flush()
