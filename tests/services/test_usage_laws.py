"""Whatever is done to a subscription, and however late it is told: what was used is billed once, and nothing else.

Each example is a chain of up to ten uses, late uses, changes of plan, pauses and resumptions over two months, with 13 %
tax and perhaps a coupon. Calls cost 1.00 each on all plans, so all usage lines less what credit notes gave back of them
are the calls that were made while they cost something.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.db import session, transaction
from app.domain.contract import WhilePaused
from app.domain.errors import BillingError
from app.domain.lines import LineKind
from app.models import CreditNoteLine, Invoice, InvoiceLine
from app.queries.filters import same
from app.services import corrections, renewals, subscription_changes, subscriptions
from app.services.subscription_changes import Wanted
from tests.laws import tried_on_servers
from tests.services.metered import START, event, meter, metered_plan, record
from tests.services.test_coupons import coupon
from tests.shop import Shop, assert_books_balance

HOUR = timedelta(hours=1)
END = START + timedelta(days=61)
ONE = {"model": "standard", "unit_amount": "1"}
FREE = (WhilePaused.SKIP, WhilePaused.FREE)


@dataclass(slots=True)
class Life:
    """A subscription to something that is measured, and what was used of it: when, and how much."""

    customer: str
    subscription: str
    plans: list[str]
    code: str
    uses: list[tuple[datetime, int]] = field(default_factory=list)
    free: list[tuple[datetime, datetime]] = field(default_factory=list)
    paused_at: datetime | None = None
    paused_free: bool = False

    def use(self, used_at: datetime, told_at: datetime, n: int) -> None:
        name = f"{self.subscription}-{len(self.uses)}"
        record([event(name, self.customer, used_at, str(n), self.code)], told_at)
        self.uses.append((used_at, n))

    def pause(self, at: datetime, billing: WhilePaused) -> None:
        subscriptions.pause(self.subscription, at, billing=billing)
        self.paused_at, self.paused_free = at, billing in FREE

    def resume(self, at: datetime) -> None:
        subscriptions.resume(self.subscription, at)
        self.close(at)

    def close(self, at: datetime) -> None:
        """A pause ends, or all does."""
        if self.paused_at and self.paused_free:
            self.free.append((self.paused_at, at))
        self.paused_at = None

    @property
    def owed(self) -> int:
        """The calls that cost something."""
        return sum(n for at, n in self.uses if not any(start <= at < end for start, end in self.free))


def begin(shop: Shop, policy: str, discounted: bool) -> Life:
    code = f"c{next(shop.numbers)}"
    calls = meter(shop.at, code=code, late_policy=policy)
    plans = [metered_plan(shop, calls, ONE, amount=amount) for amount in ("20.00", "47.11")]
    plans.append(metered_plan(shop, calls, ONE, interval="week"))
    customer = shop.customer(timezone="America/Toronto")
    coupon(code.upper(), duration="forever")
    options = {"coupon": code.upper()} if discounted else {}
    return Life(customer, shop.sell(customer, plans[0], collection="manual", **options), plans, code)


def carry_out(life: Life, at: datetime, step: tuple[Any, ...]) -> None:
    _, kind, number, billing = step
    late = START + (at - START) * number / 10
    doing: dict[str, Callable[[], object]] = {
        "change": lambda: subscription_changes.change(life.subscription, Wanted(life.plans[number % 3]), at),
        "pause": lambda: life.pause(at, billing),
        "resume": lambda: life.resume(at),
    }
    if kind == "use":
        life.use(at + HOUR / 4, at + HOUR / 2, number)
    elif kind == "late":
        life.use(late + HOUR / 4, at + HOUR / 2, number)
    else:
        with transaction():
            doing[kind]()


def billed(subscription_id: str) -> tuple[int, int]:
    """Its usage lines less discounts and what credit notes gave back of them, and how many they are."""
    lines = select(InvoiceLine).join(Invoice, same(InvoiceLine.invoice_id, Invoice))
    lines = lines.where(Invoice.subscription_id == subscription_id, InvoiceLine.kind == LineKind.USAGE)
    found = session().scalars(lines.execution_options(populate_existing=True)).all()
    back = select(CreditNoteLine.net_minor).where(CreditNoteLine.invoice_line_id.in_([line.id for line in found]))
    asked = sum(line.amount_minor - line.discount_minor for line in found)
    return asked - sum(session().scalars(back)), len(found)


steps = st.tuples(
    st.integers(0, 60 * 24 - 1),
    st.sampled_from(["use", "use", "late", "late", "change", "pause", "resume"]),
    st.integers(0, 9),
    st.sampled_from(list(WhilePaused)),
)


@tried_on_servers(3)
@given(
    policy=st.sampled_from(["next_invoice", "correct"]),
    discounted=st.booleans(),
    chain=st.lists(steps, min_size=2, max_size=10, unique_by=lambda step: step[0]),
)
def test_what_was_used_is_billed_once(shop: Shop, policy: str, discounted: bool, chain: list[Any]) -> None:
    life = begin(shop, policy, discounted)
    for step in sorted(chain, key=lambda one: one[0]):
        at = START + step[0] * HOUR
        renewals.renew_due(at)
        corrections.correct_due(at)
        try:
            carry_out(life, at, step)
        except BillingError:
            continue
        assert_books_balance()
    renewals.renew_due(END)
    with transaction():
        subscriptions.cancel(life.subscription, END, at_period_end=False)
    life.close(END)
    corrections.correct_due(END + 2 * HOUR)
    asked, lines = billed(life.subscription)
    assert abs(asked - life.owed * (90 if discounted else 100)) <= (lines if discounted else 0)
    assert_books_balance()
