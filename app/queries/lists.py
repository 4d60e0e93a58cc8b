"""The lists of the portals and the API: one function a noun, filtered, newest first, paged by keyset."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import joinedload

from app.models import (
    ApiKey,
    Customer,
    GatewayAccount,
    Invoice,
    Payment,
    PaymentMethod,
    Plan,
    Product,
    Refund,
    Subscription,
    User,
)
from app.queries.base import DEFAULT_LIMIT
from app.queries.dues import overdue
from app.queries.filters import (
    Filters,
    Listed,
    between,
    equal,
    flagged,
    instant_of,
    matching,
    newest,
    one_of,
    reference,
    same,
)

OUTSIDE = "outside"  # where a gateway would be named


def customers(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Customer]:
    """Customers by `q` (name, e-mail, external id), `email`, `external_id`, `currency`, `country`, and by the instant
    they were added, `since` and `before`."""
    query = select(Customer).where(Customer.deleted_at.is_(None))
    query = matching(
        query, filters.get("q"), Customer.name, Customer.email, Customer.external_id, own=("cus", Customer)
    )
    query = equal(query, filters, email=Customer.email, external_id=Customer.external_id, currency=Customer.currency)
    if country := filters.get("country"):
        query = query.where(Customer.address["country"].astext == country)
    return newest(between(query, filters, Customer.created_at), Customer, cursor, limit)


def products(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Product]:
    """Products by `q` (name, code), `code`; archived ones only with `archived`."""
    query = matching(select(Product), filters.get("q"), Product.name, Product.code, own=("prd", Product))
    query = equal(query, filters, code=Product.code)
    return newest(_archived(query, filters, Product.archived_at), Product, cursor, limit)


def plans(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Plan]:
    """Plans by `q` (name, code), `code`, `product`, `currency`, `interval`; archived ones only with `archived`."""
    query = matching(select(Plan), filters.get("q"), Plan.name, Plan.code, own=("pln", Plan))
    query = equal(query, filters, currency=Plan.currency, interval=Plan.interval, code=Plan.code)
    query = reference(query, filters, "product", "prd", Plan.product_id)
    return newest(_archived(query, filters, Plan.archived_at), Plan, cursor, limit)


def subscriptions(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Subscription]:
    """Subscriptions by `q` (customer), `status`, `customer`, `plan`; `parked` and `ending` ones alone."""
    query = select(Subscription).join(Customer, same(Subscription.customer_id, Customer))
    query = matching(query, filters.get("q"), Customer.name, Customer.email, own=("sub", Subscription))
    query = one_of(query, filters.get("status"), Subscription.status)
    query = reference(query, filters, "customer", "cus", Subscription.customer_id)
    query = reference(query, filters, "plan", "pln", Subscription.plan_id)
    parked, ending = Subscription.parked_reason.is_not(None), Subscription.cancel_at_period_end
    query = flagged(query, filters, parked=parked, ending=ending & Subscription.ended_at.is_(None))
    along = (joinedload(Subscription.customer), joinedload(Subscription.plan))
    return newest(query, Subscription, cursor, limit, *along)


def invoices(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Invoice]:
    """Invoices by `q` (number, customer), `status`, `number`, `customer`, `subscription`, `currency`, and by the
    instant of issue, `since` and `before`. `overdue_at` leaves what is late at that instant, `failed` what could not
    be charged, `to_review` what looks abnormal.
    """
    query = select(Invoice).join(Customer, same(Invoice.customer_id, Customer))
    query = matching(query, filters.get("q"), Invoice.number, Customer.name, Customer.email, own=("inv", Invoice))
    query = one_of(query, filters.get("status"), Invoice.status)
    query = equal(query, filters, currency=Invoice.currency, number=Invoice.number)
    query = reference(query, filters, "customer", "cus", Invoice.customer_id)
    query = reference(query, filters, "subscription", "sub", Invoice.subscription_id)
    to_review = (Invoice.status == "draft") & Invoice.review_reason.is_not(None)
    query = flagged(query, filters, failed=Invoice.first_failed_at.is_not(None), to_review=to_review)
    query = between(query, filters, Invoice.issued_at)
    if at := filters.get("overdue_at"):
        query = query.where(overdue(instant_of("overdue_at", at)))
    return newest(query, Invoice, cursor, limit, joinedload(Invoice.customer))


def payments(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Payment]:
    """Payments by `q` (customer, reference), `status`, `customer`, `invoice`, `gateway` (or OUTSIDE any), `currency`,
    and by the instant they ended, `since` and `before`. `kept` leaves those that came late, or brought more than was
    owed, `refund_in_doubt` those of which nobody knows whether a refund was made, `refund_to_send` those of which one
    waits for a person with a wallet."""
    query = (
        select(Payment)
        .join(Customer, same(Payment.customer_id, Customer))
        .outerjoin(GatewayAccount, same(Payment.gateway_account_id, GatewayAccount))
    )
    references = (Payment.gateway_ref, Payment.outside_reference)
    query = matching(query, filters.get("q"), Customer.name, Customer.email, *references, own=("pay", Payment))
    query = one_of(query, filters.get("status"), Payment.status)
    through = func.coalesce(GatewayAccount.gateway, OUTSIDE)
    query = equal(query, filters, gateway=through, currency=Payment.currency)
    query = reference(query, filters, "customer", "cus", Payment.customer_id)
    query = reference(query, filters, "invoice", "inv", Payment.invoice_id)
    along = (Payment.customer, Payment.invoice, Payment.gateway_account, Payment.payment_method)
    in_doubt = Payment.id.in_(select(Refund.payment_id).where(Refund.status == "unknown"))
    to_send = Payment.id.in_(select(Refund.payment_id).where(_to_send()))
    query = flagged(query, filters, kept=Payment.kept_minor > 0, refund_in_doubt=in_doubt, refund_to_send=to_send)
    query = between(query, filters, Payment.settled_at)
    return newest(query, Payment, cursor, limit, *(joinedload(part) for part in along))


def _to_send() -> ColumnElement[bool]:
    """Refunds whose address is known and which nobody has sent yet."""
    step = Refund.next_step
    return and_(Refund.status == "pending", step["address"].astext != "", step["tx_hash"].astext == "")


def refunds(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[Refund]:
    """Refunds by `status`, `payment`."""
    query = one_of(select(Refund), filters.get("status"), Refund.status)
    query = reference(query, filters, "payment", "pay", Refund.payment_id)
    return newest(query, Refund, cursor, limit, joinedload(Refund.payment))


def payment_methods(
    filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Listed[PaymentMethod]:
    """The methods that are still there, by `customer`."""
    query = select(PaymentMethod).where(PaymentMethod.removed_at.is_(None))
    query = reference(query, filters, "customer", "cus", PaymentMethod.customer_id)
    return newest(query, PaymentMethod, cursor, limit)


def users(filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[User]:
    """People by `q` (name, e-mail), `role`, `customer`; `staff` leaves out those of customers."""
    query = matching(select(User), filters.get("q"), User.name, User.email)
    query = reference(equal(query, filters, role=User.role), filters, "customer", "cus", User.customer_id)
    return newest(flagged(query, filters, staff=User.customer_id.is_(None)), User, cursor, limit)


def api_keys(*, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[ApiKey]:
    """All keys, ended ones too."""
    return newest(select(ApiKey), ApiKey, cursor, limit)


def gateway_accounts(*, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Listed[GatewayAccount]:
    """All accounts, disabled ones too."""
    return newest(select(GatewayAccount), GatewayAccount, cursor, limit)


def paused_accounts(
    _filters: Filters, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Listed[GatewayAccount]:
    """The accounts that are left alone for the time being, because their gateways cannot be reached."""
    query = select(GatewayAccount).where(GatewayAccount.paused_until.is_not(None), GatewayAccount.disabled_at.is_(None))
    return newest(query, GatewayAccount, cursor, limit)


def _archived(query: Select[Any], filters: Filters, column: Any) -> Select[Any]:
    return query if filters.get("archived") else query.where(column.is_(None))
