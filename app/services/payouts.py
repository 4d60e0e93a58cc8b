"""Refunds that a person sends from a wallet: whereto, and with which transaction. Believed once the chain has it."""

import re
from dataclasses import replace
from datetime import datetime

from sqlalchemy import or_, select

from app.db import session, transaction
from app.domain.errors import Conflict, InvalidInput
from app.gateways.types import Payout
from app.models import GatewayAccount, Payment, PaymentQuote, Refund
from app.queries.base import get
from app.services import gateway_accounts, refunds
from app.services.events import emit
from app.services.history import audit
from app.services.next_actions import as_json, payout_in

_HASH = re.compile(r"0x[0-9a-f]{64}")


def send_to(refund_id: str, address: str, at: datetime, *, by_customer: bool = False) -> Refund:
    """Keep the address that the customer gave, and confirm it to them by mail. Raises InvalidInput for one that is
    none, or that is ours.

    A customer gives it once (Conflict, `address_given`): a link that is found later must not lead the money elsewhere.
    """
    row = get(Refund, refund_id, lock=True)
    if by_customer and _waiting(row).address:
        raise Conflict("An address was given already: write to us to change it.", code="address_given", field="address")
    gateway = gateway_accounts.connect(row.payment.account)
    payout = gateway.addressed(_waiting(row), address)
    if session().scalar(select(PaymentQuote.id).where(PaymentQuote.address == payout.address).limit(1)):
        raise InvalidInput("That is an address of ours: ask the customer for theirs.", field="address")
    row.next_step = as_json(payout)
    audit("refund.address", row.id, at, address=payout.address)
    emit("refund.address_given", row.id, at, customer_id=row.payment.customer_id, address=payout.address)
    return row


def sent_with(refund_id: str, tx_hash: str, at: datetime) -> Refund:
    """A person has sent it: look on the chain. Opens its own transactions.

    Raises InvalidInput for what is no transaction, and Conflict when it counts for another refund already.
    """
    given = tx_hash.strip().lower()
    if not _HASH.fullmatch(given):
        raise InvalidInput("A transaction is 0x and 64 digits: copy it from the wallet.", field="tx_hash")
    with transaction():
        row = get(Refund, refund_id, lock=True)
        payout = _waiting(row)
        if not payout.address:
            raise Conflict("Enter the customer's address first.", code="no_address", field="address")
        account_id = get(Payment, row.payment_id).account.id
        _check_unused(given, row, get(GatewayAccount, account_id, lock=True))
        row.next_step = as_json(replace(payout, tx_hash=given))
        audit("refund.transaction", row.id, at, transaction=given)
    return refunds.check(refund_id, at)


def _waiting(row: Refund) -> Payout:
    payout = payout_in(row.next_step)
    if payout is None or row.status != "pending":
        raise Conflict("This refund waits for no payout.", code="no_payout")
    return payout


def _check_unused(tx_hash: str, row: Refund, _locked: GatewayAccount) -> None:
    """One transaction is one refund; the lock on the account lets nobody enter it twice at once."""
    uses = or_(Refund.gateway_ref == tx_hash, Refund.next_step["tx_hash"].as_string() == tx_hash)
    if session().scalar(select(Refund.id).where(uses, Refund.id != row.id).limit(1)):
        raise Conflict("This transaction is entered for another refund.", code="transaction_used", field="tx_hash")
