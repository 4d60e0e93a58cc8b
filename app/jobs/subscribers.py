"""Who listens to what: one table from events to work, one from work to the service that does it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.services import (
    access,
    charging,
    credit_note_papers,
    credit_note_refunds,
    due_payments,
    expiry,
    late_money,
    notices,
    payment_methods,
)

Worker = Callable[[str, datetime], object]

WORKERS: Mapping[str, Worker] = {
    "collect_invoice": due_payments.collect_if_due,
    "close_open_attempt": charging.close_open_attempt,
    "adopt_method": payment_methods.adopt,
    "send_invoice": notices.invoice_issued,
    "send_receipt": notices.invoice_paid,
    "send_payment_failed": notices.payment_failed,
    "send_action_required": notices.action_required,
    "send_refund": notices.refund_made,
    "send_refund_claim": notices.refund_to_claim,
    "send_refund_address": notices.refund_address_given,
    "send_credit_note": credit_note_papers.credit_note_issued,
    "refund_credit_note": credit_note_refunds.send,
    "send_back_late_money": late_money.send_back,
    "send_canceled": notices.subscription_canceled,
    "forgive_expired": expiry.forgive,
    "refresh_access": access.forget_subject,
}

SUBSCRIBERS: Mapping[str, tuple[str, ...]] = {
    "invoice.finalized": ("collect_invoice", "send_invoice", "refresh_access"),
    "invoice.paid": ("close_open_attempt", "send_receipt", "refresh_access"),
    "invoice.reopened": ("refresh_access",),
    "invoice.voided": ("refresh_access",),
    "invoice.uncollectible": ("refresh_access",),
    "credit_note.issued": ("refund_credit_note", "send_credit_note", "refresh_access"),
    "payment.failed": ("send_payment_failed", "refresh_access"),
    "payment.requires_action": ("send_action_required", "refresh_access"),
    "payment.pending": ("refresh_access",),
    "payment.authorized": ("refresh_access",),
    "payment.unknown": ("refresh_access",),
    "payment.canceled": ("refresh_access",),
    "payment.not_executed": ("refresh_access",),
    "refund.requires_action": ("send_refund_claim",),
    "payment_method.left": ("adopt_method",),
    "payment.unapplied": ("send_back_late_money",),
    "payment.amount_refused": ("refresh_access",),
    "refund.address_given": ("send_refund_address",),
    "refund.succeeded": ("send_refund",),
    "subscription.created": ("refresh_access",),
    "subscription.updated": ("refresh_access",),
    "subscription.activated": ("refresh_access",),
    "subscription.past_due": ("refresh_access",),
    "subscription.unpaid": ("refresh_access",),
    "subscription.changed": ("refresh_access",),
    "subscription.paused": ("refresh_access",),
    "subscription.resumed": ("refresh_access",),
    "subscription.expired": ("forgive_expired", "refresh_access"),
    "subscription.canceled": ("send_canceled", "refresh_access"),
    "customer.updated": ("refresh_access",),
    "customer.deleted": ("refresh_access",),
}
