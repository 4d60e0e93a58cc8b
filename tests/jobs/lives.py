"""A few customers who live the same year: what it leaves behind, without what differs from one to the next.

All pay 13 % tax. One has a coupon and is billed for usage, told of too late to stand on its invoice, and pauses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.db import session, transaction
from app.domain.terms import ProrationMode
from app.models import (
    CreditNote,
    Customer,
    Event,
    Invoice,
    JournalEntry,
    LedgerAccount,
    Mail,
    Payment,
    Posting,
    StatusChange,
    Subscription,
)
from app.queries.filters import same
from app.services import subscriptions
from tests.services.metered import event, meter, metered_plan, record
from tests.services.test_coupons import coupon
from tests.shop import Shop, fresh

COUPON = "LESS"
# How each pays, and what for: at once, never, on trial, by hand after reminders, in arrears of money.
PLANS = {"monthly": {}, "trial": {"trial_days": 14}, "weekly": {"interval": "week"}}
BUYERS = (
    ("pays", "tok_ok", "monthly", "automatic"),
    ("declined softly", "tok_soft_decline", "weekly", "automatic"),
    ("declined for good", "tok_hard_decline", "monthly", "automatic"),
    ("tries it first", "tok_ok", "trial", "automatic"),
    ("gets reminders", None, "monthly", "manual"),
    ("uses it", "tok_ok", "metered", "automatic"),
)


@dataclass(frozen=True, slots=True)
class Life:
    """The customers of one way through time, by what they are."""

    customers: dict[str, str]

    def story(self) -> dict[str, Any]:
        """All that happened to each of them."""
        return {name: _story(customer_id) for name, customer_id in self.customers.items()}


def begin(shop: Shop, plans: dict[str, str], clock_id: str | None = None) -> Life:
    """The buyers, each with a subscription, on a clock or in real time."""
    customers = {}
    for name, token, plan, collection in BUYERS:
        customers[name] = shop.buyer(token, test_clock_id=clock_id)
        options = {"coupon": COUPON} if plan == "metered" else {}
        shop.sell(customers[name], plans[plan], collection=collection, **options)
    record([event(f"{customers['uses it']}-first", customers["uses it"], shop.at, "50")], shop.at)
    return Life(customers)


def plans_of(shop: Shop) -> dict[str, str]:
    """What is sold, once for all lives."""
    coupon(COUPON, duration="forever")
    metered = metered_plan(shop, meter(shop.at, late_policy="correct"), interval="week")
    return {"metered": metered, **{name: shop.plan(**values) for name, values in PLANS.items()}}


def go_on(life: Life, shop: Shop, at: datetime) -> None:
    """Who was declined for good brings another card. Who uses it is told of for this week and, late, for the first
    one, and then pauses for nine days."""
    shop.method(life.customers["declined for good"], "tok_ok", at)
    customer = life.customers["uses it"]
    [subscription] = _rows(Subscription, customer)
    days = [(1, "70"), (18, "300")]
    record([event(f"{customer}-{ago}", customer, at - timedelta(days=ago), n) for ago, n in days], at)
    with transaction():
        until = at + timedelta(days=9)
        subscriptions.pause(subscription.id, at, resume_at=until, credit=ProrationMode.SECOND)


def _story(customer_id: str) -> dict[str, Any]:
    invoices = {row.id: n for n, row in enumerate(_rows(Invoice, customer_id))}
    subjects = {customer_id: "customer", **{id_: f"invoice {n}" for id_, n in invoices.items()}}
    for model in (Subscription, Payment):
        subjects.update({row.id: f"{model.__tablename__} {n}" for n, row in enumerate(_heard_of(model, customer_id))})
    return {
        "balance": fresh(Customer, customer_id).balance_minor,
        "subscriptions": _facts(
            Subscription, customer_id, "status current_period_end next_billing_at ended_at past_due_at"
        ),
        "invoices": _facts(
            Invoice,
            customer_id,
            "status total_minor paid_minor period_start issued_at due_at paid_at attempts reminded_at",
        ),
        "credit notes": _facts(CreditNote, customer_id, "total_minor balance_minor issued_at"),
        "payments": _facts(Payment, customer_id, "status amount_minor decline_code started_at settled_at"),
        "mails": _facts(Mail, customer_id, "template state due_at sent_at"),
        "events": sorted((e.at, e.type, subjects.get(e.subject_id, "")) for e in _heard_of(Event, customer_id)),
        "statuses": _statuses(subjects),
        "ledger": _ledger(customer_id),
    }


def _facts(model: Any, customer_id: str, names: str) -> list[tuple[Any, ...]]:
    rows = _heard_of(model, customer_id)
    return sorted((tuple(getattr(row, name) for name in names.split()) for row in rows), key=repr)


def _heard_of(model: Any, customer_id: str) -> list[Any]:
    """The rows without attempts that died with their worker before the bank heard of them: nothing came of those."""
    return [row for row in _rows(model, customer_id) if not _is_lost(row)]


def _is_lost(row: Any) -> bool:
    if isinstance(row, Payment):
        return row.decline_code == "gateway_unavailable"
    return isinstance(row, Event) and row.type == "payment.not_executed"


def _statuses(subjects: dict[str, str]) -> list[tuple[Any, ...]]:
    query = select(StatusChange).where(StatusChange.subject_id.in_(subjects))
    return sorted((row.at, subjects[row.subject_id], row.old, row.new) for row in session().scalars(query))


def _ledger(customer_id: str) -> list[tuple[Any, ...]]:
    query = (
        select(JournalEntry.at, JournalEntry.fact, LedgerAccount.code, Posting.amount_minor)
        .join(Posting, same(Posting.entry_id, JournalEntry))
        .join(LedgerAccount, same(Posting.account_id, LedgerAccount))
        .where(JournalEntry.customer_id == customer_id)
    )
    return sorted(map(tuple, session().execute(query)))


def _rows(model: Any, customer_id: str) -> list[Any]:
    query = select(model).where(model.customer_id == customer_id).order_by(model.id)
    return list(session().scalars(query.execution_options(populate_existing=True)))
