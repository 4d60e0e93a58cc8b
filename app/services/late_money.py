"""Money that came in late, or beyond what was owed: kept as the customer's balance, or sent back by setting."""

from datetime import datetime

from sqlalchemy import select

from app.db import current_tenant_id, session
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import Payment, Refund, Tenant
from app.queries.base import get
from app.services import ledger, refunds

CHOICES = ("balance", "refund")
REASON = "late_money"


def send_back(payment_id: str, at: datetime) -> None:
    """Refund what a payment left in the customer's balance and was not spent since, if that is the tenant's setting.

    Opens its own transactions, and does nothing the second time. A gateway that cannot refund leaves it as balance.
    """
    payment = get(Payment, payment_id)
    left = min(payment.kept_minor, payment.amount_minor - payment.refunded_minor, ledger.credit_left(payment))
    if left <= 0 or not _wanted(payment):
        return
    refunds.refund(payment_id, Money(left, payment.currency), at, reason=REASON)


def _wanted(payment: Payment) -> bool:
    tenant = session().get_one(Tenant, current_tenant_id())
    if tenant.setting("late_money") != "refund" or payment.status != "succeeded":
        return False
    if Capability.REFUND not in gateway_class(payment.account.gateway).capabilities:
        return False
    sent = select(Refund.id).where(Refund.payment_id == payment.id, Refund.reason == REASON)
    return session().scalar(sent.limit(1)) is None
