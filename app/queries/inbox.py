"""The inbox: whom a webhook's address belongs to, which row a notice is about, and the list of notices."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.db import session
from app.ids import is_id
from app.models import Dispute, GatewayAccount, InboxNotice, Payment, PaymentMethod, Refund
from app.queries.base import DEFAULT_LIMIT
from app.queries.filters import Filters, Listed, between, equal, matching, newest, one_of, reference, same


def account_at(gateway: str, webhook_key: str) -> GatewayAccount | None:
    """The account with that webhook address, over all tenants; for the sweep role."""
    address = (GatewayAccount.gateway == gateway, GatewayAccount.webhook_key == webhook_key)
    return session().scalar(select(GatewayAccount).where(*address))


def payment_named(account_id: str, key: str, gateway_ref: str | None) -> Payment | None:
    """The attempt with that key of ours, whatever its account, or else with that reference at the account."""
    if is_id("pay", key):
        return session().scalar(select(Payment).where(Payment.id == key))
    if not gateway_ref:
        return None
    known_as = (Payment.gateway_account_id == account_id, Payment.gateway_ref == gateway_ref)
    return session().scalar(select(Payment).where(*known_as).order_by(Payment.id).limit(1))


def refund_named(account_id: str, key: str, gateway_ref: str | None) -> Refund | None:
    """The refund with that key of ours, whatever its account, or else with that reference at the account."""
    if is_id("ref", key):
        return session().scalar(select(Refund).where(Refund.id == key))
    if not gateway_ref:
        return None
    query = select(Refund).join(Payment, same(Refund.payment_id, Payment))
    query = query.where(Payment.gateway_account_id == account_id, Refund.gateway_ref == gateway_ref)
    return session().scalar(query.order_by(Refund.id).limit(1))


def is_known_elsewhere(account: GatewayAccount, names: Collection[str]) -> bool:
    """Whether another account of the tenant at the same gateway has a payment, refund, dispute or method so called."""
    others = select(GatewayAccount.id).where(GatewayAccount.gateway == account.gateway, GatewayAccount.id != account.id)
    at_others = list(session().scalars(others)) if names else []
    called = [(kind.gateway_account_id, kind.gateway_ref) for kind in (Payment, Dispute)]
    called.append((PaymentMethod.gateway_account_id, PaymentMethod.token))
    queries = [select(where).where(where.in_(at_others), name.in_(names)) for where, name in called]
    refunded = select(Payment.gateway_account_id).join(Refund, same(Refund.payment_id, Payment))
    queries.append(refunded.where(Payment.gateway_account_id.in_(at_others), Refund.gateway_ref.in_(names)))
    return bool(at_others) and any(session().scalar(query.limit(1)) for query in queries)


def methods_with(account_id: str, token: str) -> Sequence[PaymentMethod]:
    """The methods that are still there, kept at the account under that token."""
    query = select(PaymentMethod).where(
        PaymentMethod.gateway_account_id == account_id,
        PaymentMethod.token == token,
        PaymentMethod.removed_at.is_(None),
    )
    return session().scalars(query.order_by(PaymentMethod.id)).all()


def notices(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[InboxNotice]:
    """Notices by `q` (the gateway's mark, id of what it is about), `state`, `kind`, `account`, and by the instant they
    came, `since` and `before`."""
    query = matching(
        select(InboxNotice), filters.get("q"), InboxNotice.dedupe, InboxNotice.subject_id, own=("ntc", InboxNotice)
    )
    query = equal(one_of(query, filters.get("state"), InboxNotice.state), filters, kind=InboxNotice.kind)
    query = reference(query, filters, "account", "gac", InboxNotice.gateway_account_id)
    query = between(query, filters, InboxNotice.received_at)
    return newest(query, InboxNotice, cursor, limit, joinedload(InboxNotice.gateway_account))
