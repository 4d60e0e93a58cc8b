"""A customer's balance in the hands of people: giving credit, taking it back, paying an open invoice with it.

What pays for new invoices by itself stands in issuing.py, and how balances move in balance_moves.py.
"""

from datetime import datetime

from app.domain.errors import Conflict, InvalidInput
from app.domain.ledger import entry
from app.domain.money import Money
from app.models import Customer, Invoice
from app.queries.payments import open_payment
from app.services import balance_moves, collection, ledger
from app.services.billable import billable_customer
from app.services.events import emit
from app.services.history import audit
from app.services.locks import lock_debt


def add(customer_id: str, amount: Money, at: datetime, *, reason: str = "") -> Customer:
    """Give a customer credit that no invoice stands behind; below zero, take some of it back.

    Raises InvalidInput for zero or another currency, and Conflict for taking more than there is.
    """
    customer = billable_customer(customer_id)
    if amount.currency != customer.currency:
        raise InvalidInput(f"This customer is billed in {customer.currency}.", code="currency_mismatch", field="amount")
    if not amount:
        raise InvalidInput("Zero changes nothing.", code="invalid_amount", field="amount")
    if amount.minor < 0 and balance_moves.of(customer_id) + amount.minor < 0:
        raise Conflict(
            f"The balance is {customer.balance}: more cannot be taken back.", code="balance_too_low", field="amount"
        )
    posted = entry("balance_adjusted", amount.currency, amount=amount.minor)
    ledger.post_all([ledger.Booking(customer_id, customer_id, posted)], at)
    audit("balance.adjust", customer_id, at, amount=str(amount), reason=reason)
    emit("customer.balance_adjusted", customer_id, at, customer_id=customer_id, amount=str(amount), reason=reason)
    return customer


def apply(invoice_id: str, at: datetime) -> Invoice:
    """Pay an open invoice with the customer's balance, as far as it goes.

    Raises Conflict when the invoice is not open, a payment is under way, or there is no balance.
    """
    invoice = lock_debt(invoice_id)
    if invoice.status != "open":
        raise Conflict(f"This invoice is {invoice.status}: there is nothing to pay.", code="not_payable")
    if open_payment(invoice_id):
        raise Conflict("A payment of this invoice is under way: wait until it has ended.", code="payment_in_progress")
    applied = min(balance_moves.of(invoice.customer_id), invoice.due_minor)
    if applied <= 0:
        raise Conflict("This customer has no balance to pay with.", code="no_balance")
    invoice.from_balance_minor += applied
    ledger.post_all([ledger.balance_applied(invoice.id, invoice.customer_id, applied, invoice.currency)], at)
    audit("invoice.apply_balance", invoice.id, at, amount=str(Money(applied, invoice.currency)))
    collection.close(invoice, at)
    return invoice
