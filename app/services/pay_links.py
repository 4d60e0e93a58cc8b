"""Signed links: whoever holds one may see and pay that one invoice without signing in, and nothing else.

A link names its tenant, its subject and its end, signed with SECRET_KEY. Nothing is kept about it, so it cannot be
taken back; it ends by itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from itsdangerous import BadSignature, URLSafeSerializer

from app.db import current_tenant_id
from app.domain.errors import NotFound
from app.models import Invoice, Payment
from app.queries.portal import can_sign_in
from app.settings import current_settings

INVOICE, RETURN, REFUND = "pay.invoice", "pay.return", "pay.refund"
INVOICE_VALID = timedelta(days=60)
RETURN_VALID = timedelta(days=7)  # payers who come back from their bank later than this begin again


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: the tenant, the id of its invoice or payment, and the instant (UTC) at which it ends."""

    tenant_id: str
    subject_id: str
    expires_at: datetime


def invoice_token(invoice_id: str, at: datetime) -> str:
    """The token of the page `/pay/<token>`, for 60 days."""
    return _sign(INVOICE, invoice_id, at + INVOICE_VALID)


def return_address(payment: Payment, at: datetime) -> str:
    """Where a gateway sends the payer back to: the payment and its tenant are in the address, signed."""
    return f"{current_settings().base_url}/pay/return/{_sign(RETURN, payment.id, at + RETURN_VALID)}"


def mailed_address(invoice: Invoice, at: datetime) -> str:
    """Where the customer sees and pays an invoice: in the portal if they can sign in there, else by a signed link."""
    if can_sign_in(invoice.customer_id):
        return f"{current_settings().base_url}/portal/invoices/{invoice.id}"
    return page_address(invoice.id, at)


def page_address(invoice_id: str, at: datetime) -> str:
    """The hosted page of an invoice, for whoever has the address, for 60 days."""
    return f"{current_settings().base_url}/pay/{invoice_token(invoice_id, at)}"


def refund_address(refund_id: str, at: datetime) -> str:
    """Where the customer says whereto a refund on a chain is sent, for 60 days. For their own mail and portal only:
    whoever has it decides where the money goes, which whoever has the invoice's link must not."""
    return f"{current_settings().base_url}/pay/refund/{refund_token(refund_id, at)}"


def refund_token(refund_id: str, at: datetime) -> str:
    """The token of that page."""
    return _sign(REFUND, refund_id, at + INVOICE_VALID)


def read(kind: str, token: str) -> Link:
    """What a token of that kind says, even if it has ended. Raises NotFound (`link_broken`) for an altered one."""
    try:
        tenant_id, subject_id, expires = _serializer(kind).loads(token)
    except BadSignature:
        raise NotFound("This link is not complete or was changed.", code="link_broken") from None
    return Link(tenant_id, subject_id, datetime.fromtimestamp(expires, UTC))


def _sign(kind: str, subject_id: str, expires_at: datetime) -> str:
    signed = _serializer(kind).dumps([current_tenant_id(), subject_id, int(expires_at.timestamp())])
    return signed if isinstance(signed, str) else signed.decode()


def _serializer(kind: str) -> URLSafeSerializer:
    """One for each kind: a link of one kind is worth nothing as another."""
    secret = current_settings().secret_key.get_secret_value()
    return URLSafeSerializer(secret, salt=kind, signer_kwargs={"digest_method": sha256})
