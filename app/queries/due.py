"""What falls due by itself, by kind of work: one table that sweeps, services and test clocks all ask.

Whatever is due is due in the time of the customer it is about: those on a test clock live in its time, everybody else
in real time. A service therefore never compares an instant with `at` on its own, but asks for `rows` of its kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Exists,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.db import all_tenants, session
from app.ids import TypeId
from app.models import (
    CreditNote,
    Customer,
    Event,
    GatewayAccount,
    IdempotencyKey,
    InboxNotice,
    Invoice,
    Mail,
    Meter,
    MeteredPeriod,
    Payment,
    PaymentMethod,
    PaymentQuote,
    Reconciliation,
    Refund,
    Subscription,
    Task,
    TestClock,
    UsageCheck,
)
from app.models.api_keys import IDEMPOTENCY_KEPT
from app.models.base import TenantRow
from app.queries.filters import same
from app.timelines import Timeline, current_clock_id, current_timeline

Instant = InstrumentedAttribute[Any]
Present = datetime | Instant | BindParameter[datetime]
Clock = str | BindParameter[str] | None

# Of these the gateway may not have heard. Until it surely has not, real time must pass, whatever a clock shows.
IN_DOUBT = ("sending", "unknown")
ALWAYS = true()
_AT = bindparam("at", type_=DateTime(timezone=True))
_CLOCK = bindparam("clock", type_=TypeId("clk"))


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of `model` that wait `when`, and fall due at the instant `at`, or at once if that is None, or `after` it.

    `owner` is the customer in whose time that is; it may be null for what is about none. Rows that `asks` a gateway are
    due by the database's clock, except of customers on a test clock what the gateway has told us of.
    """

    model: type[TenantRow]
    at: Instant | None
    owner: ColumnElement[str | None] | Instant | None
    when: ColumnElement[bool] = ALWAYS
    after: timedelta = timedelta()
    asks: bool = False
    waited_for: bool = True

    def due(self, at: Present) -> ColumnElement[bool]:
        """Rows that are due when it is `at` for their customer."""
        if self.at is None:
            return self.when
        return and_(self.when, self.at <= (self._asked_by(at) if self.asks else at - self.after))

    def on(self, clock_id: Clock) -> ColumnElement[bool]:
        """Rows of the customers who live by a test clock, or by none."""
        return true() if self.owner is None else lives_by(self.owner, clock_id)

    @property
    def moves(self) -> bool:
        """Whether time must not pass by its instants."""
        return self.at is not None and self.owner is not None and self.waited_for

    def earliest(self) -> datetime | None:
        """The earliest instant at which a row on the timeline in scope falls due."""
        told = [self.model.status.not_in(IN_DOUBT)] if self.asks else []  # type: ignore[attr-defined]
        query = select(func.min(self.at)).where(self.when, self.on(current_clock_id()), *told)
        return cast("datetime | None", session().scalar(query))

    def sends(self) -> bool:
        """Whether a row on the timeline in scope was just sent to a gateway."""
        sent = exists().where(self.model.status == "sending", self.on(current_clock_id()))  # type: ignore[attr-defined]
        return bool(session().scalar(select(sent)))

    def _asked_by(self, at: Present) -> ColumnElement[datetime]:
        told = self.model.status.not_in(IN_DOUBT)  # type: ignore[attr-defined]
        return case((and_(told, self.owner.in_(_ON_CLOCKS)), at), else_=func.now())  # type: ignore[union-attr]


_ON_CLOCKS = select(Customer.id).where(Customer.test_clock_id.is_not(None))
_OF_EVENT = select(Event.customer_id).where(same(Task.event_id, Event)).scalar_subquery()
_CORRECTED = MeteredPeriod.meter_id.in_(select(Meter.id).where(Meter.late_policy == "correct"))
_HAS_ENDED = MeteredPeriod.subscription_id.in_(select(Subscription.id).where(Subscription.ended_at.is_not(None)))
_OF_PAYMENT = select(Payment.customer_id).where(same(Refund.payment_id, Payment)).scalar_subquery()

RULES: Mapping[str, Rule] = {
    "events": Rule(Event, None, Event.customer_id, Event.seq.is_(None)),
    "tasks": Rule(Task, Task.due_at, _OF_EVENT, Task.state == "due"),
    "notices": Rule(InboxNotice, InboxNotice.due_at, None, InboxNotice.state == "due"),
    "renewals": Rule(Subscription, Subscription.next_billing_at, Subscription.customer_id),
    "recounts": Rule(MeteredPeriod, MeteredPeriod.recount_at, MeteredPeriod.customer_id, or_(_CORRECTED, _HAS_ENDED)),
    "drafts": Rule(Invoice, Invoice.finalize_at, Invoice.customer_id),
    "credit_note_refunds": Rule(CreditNote, CreditNote.refund_at, CreditNote.customer_id),
    "collections": Rule(Invoice, Invoice.collect_at, Invoice.customer_id, Invoice.status == "open"),
    "dunning": Rule(Invoice, Invoice.dunning_at, Invoice.customer_id),
    "expiries": Rule(
        PaymentMethod, PaymentMethod.warn_at, PaymentMethod.customer_id, PaymentMethod.removed_at.is_(None)
    ),
    "checks": Rule(Payment, Payment.check_at, Payment.customer_id, asks=True),
    "refund_checks": Rule(Refund, Refund.check_at, _OF_PAYMENT, asks=True),
    # A chain lives in real time, whoever pays on it.
    "chains": Rule(PaymentQuote, None, None, PaymentQuote.watched_until > func.now()),
    "usage_checks": Rule(UsageCheck, UsageCheck.created_at, UsageCheck.customer_id),
    # Billing never waits for mail, so clocks do not either.
    "mails": Rule(Mail, Mail.due_at, Mail.customer_id, Mail.state == "queued", waited_for=False),
    "reconciliation_plans": Rule(GatewayAccount, GatewayAccount.created_at, None, after=timedelta(days=1)),
    "reconciliations": Rule(Reconciliation, Reconciliation.due_at, None, Reconciliation.state == "due"),
    "old_keys": Rule(IdempotencyKey, IdempotencyKey.created_at, None, after=IDEMPOTENCY_KEPT),
}


def rows(kind: str, at: datetime) -> ColumnElement[bool]:
    """Rows of this kind that are due at `at`, in the time in scope: that of a test clock, or else real time."""
    rule = RULES[kind]
    return and_(rule.due(at), rule.on(current_clock_id()))


def lives_by(owner: ColumnElement[Any] | Instant, clock_id: Clock) -> ColumnElement[bool]:
    """Whether a customer lives by that test clock, or by none; nobody lives by none."""
    if clock_id is not None:
        return owner.in_(select(Customer.id).where(Customer.test_clock_id == clock_id))
    return or_(owner.is_(None), owner.not_in(_ON_CLOCKS))


def timelines_with(kind: str, at: datetime) -> list[Timeline]:
    """Where work of this kind is due: real time, at `at`, of tenants that have some, and each test clock that has some
    at its own present. While a clock is being moved, it is left to whoever moves it: to them it is all there is."""
    if here := current_timeline():
        return [here]
    rule = RULES[kind]
    with all_tenants():
        tenants = session().scalars(select(rule.model.tenant_id).where(rule.due(at), rule.on(None)).distinct()).all()
        return [Timeline(tenant_id, at) for tenant_id in tenants] + list(_clocks_with(rule))


def kinds_due(at: datetime) -> set[str]:
    """The kinds of work that `timelines_with` would find somewhere to do, by one statement."""
    here = current_timeline()
    if here:
        return set(session().scalars(_kinds_on(here.clock_id is not None), {"at": here.at, "clock": here.clock_id}))
    with all_tenants():
        return set(session().scalars(_kinds_anywhere(), {"at": at}))


def next_instant(until: datetime) -> datetime | None:
    """The earliest instant up to `until` (inclusive) at which something of the tenant in scope falls due by itself, on
    the timeline in scope."""
    found = [rule.earliest() for rule in RULES.values() if _moves(rule)]
    return min((instant for instant in found if instant and instant <= until), default=None)


def waits_for_gateway() -> bool:
    """Whether something on the timeline in scope was just sent to a gateway, and is not known to have arrived."""
    return any(rule.sends() for rule in RULES.values() if rule.asks)


def _moves(rule: Rule) -> bool:
    """In real time, gateways are asked by the database's clock, whose instants are none of ours."""
    return rule.moves and not (rule.asks and current_clock_id() is None)


@cache
def _kinds_on(on_clock: bool) -> CompoundSelect[str]:
    clock = _CLOCK if on_clock else None
    return _any_of({kind: [exists().where(rule.due(_AT), rule.on(clock))] for kind, rule in RULES.items()})


@cache
def _kinds_anywhere() -> CompoundSelect[str]:
    """What is due in real time, or on a clock that nobody moves."""
    found = {kind: [exists().where(rule.due(_AT), rule.on(None))] for kind, rule in RULES.items()}
    for kind, rule in RULES.items():
        if rule.owner is not None:
            found[kind].append(_clocks(rule, rule.owner).exists())
    return _any_of(found)


def _any_of(found: Mapping[str, Sequence[Exists]]) -> CompoundSelect[str]:
    return union_all(*(select(literal(kind).label("kind")).where(or_(*some)) for kind, some in found.items()))


def _clocks_with(rule: Rule) -> Iterator[Timeline]:
    if rule.owner is None:
        return
    for tenant_id, clock_id, now_at in session().execute(_clocks(rule, rule.owner).distinct()):
        yield Timeline(tenant_id, now_at, clock_id)


def _clocks(rule: Rule, owner: ColumnElement[str | None] | Instant) -> Select[str, str, datetime]:
    return (
        select(TestClock.tenant_id, TestClock.id, TestClock.now_at)
        .join(Customer, same(Customer.test_clock_id, TestClock))
        .join(rule.model, and_(rule.model.tenant_id == Customer.tenant_id, owner == Customer.id))
        .where(TestClock.status != "advancing", rule.due(TestClock.now_at))
    )
