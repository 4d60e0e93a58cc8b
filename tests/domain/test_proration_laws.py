"""Laws of proration, tried on 450 chains of up to six changes, in advance and in arrears, over zones and currencies.

The law is told by a second way of counting: a timeline that says which price holds from when, and nothing of credits.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from sold import item

from app.domain.currencies import exponent
from app.domain.money import Money
from app.domain.periods import Interval, Recurrence
from app.domain.subscriptions import CancelMode, cancel, change, renew, start
from app.domain.terms import Billing, ProrationMode, ProrationRules, Terms
from app.domain.zones import local_date
from tests.laws import tried

SECOND, DAY, NONE, FULL, NEXT = ProrationMode
ZONES = ("UTC", "America/Toronto", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")
MONTHLY = Recurrence(Interval.MONTH)
prices = st.decimals("0", "5000", places=4)


def sold_terms(price, currency="CAD", recurrence=MONTHLY, billing=Billing.IN_ADVANCE, counted=DAY):
    rules = ProrationRules(counted=counted)
    return Terms((item(f"at {price}", price),), currency, recurrence, billing, proration=rules)


def elapsed(start_at, end, counted, timezone):
    """The second way of counting: dates on a calendar, or seconds as decimals."""
    if counted is DAY:
        return Fraction((local_date(end, timezone) - local_date(start_at, timezone)).days)
    return Fraction((end - start_at) // timedelta(microseconds=1))


def used(timeline, end, counted, timezone):
    """What a timeline of (from, price) costs in the period it begins, exact, in major units."""
    begin, total = timeline[0][0], Fraction(0)
    whole = elapsed(begin, end, counted, timezone)
    for (since, price), (until, _) in zip(timeline, [*timeline[1:], (end, None)], strict=True):
        total += Fraction(price) * elapsed(since, until, counted, timezone) / whole
    return total


@st.composite
def chains(draw, billing):
    """A subscription in its first whole period, and changes in it: (instant, price, mode), in order of time."""
    counted, currency = draw(st.sampled_from([SECOND, DAY])), draw(st.sampled_from(["CAD", "JPY", "KWD"]))
    recurrence = Recurrence(draw(st.sampled_from([Interval.WEEK, Interval.MONTH, Interval.YEAR])))
    begin = draw(st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
    offer = lambda price: sold_terms(price, currency, recurrence, billing, counted)  # noqa: E731
    contract = start(offer(draw(prices)), begin, draw(st.sampled_from(ZONES))).contract
    length = contract.period.length // timedelta(microseconds=1)
    moments = draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=6))
    instants = [contract.period.start + timedelta(microseconds=offset) for offset in sorted(moments)]
    modes = st.sampled_from([counted, counted, counted, NONE, FULL])
    return contract, [(at, offer(draw(prices)), draw(modes)) for at in instants], counted


def price_of(terms):
    return terms.items[0].price.unit_amount


def held(timeline, at, terms, mode):
    """The timeline after a change: `none` leaves what is paid, `full` rewrites the period, the rest cut it at `at`."""
    if mode is NONE:
        return timeline
    if mode is FULL:
        return [(timeline[0][0], price_of(terms))]
    return [entry for entry in timeline if entry[0] < at or entry is timeline[0]] + [(at, price_of(terms))]


def close_to(lines, exact, currency):
    """Whether the lines sum to the exact amount, to within one minor unit for each line (half of one, in fact)."""
    billed = sum(line.amount.minor for line in lines)
    return abs(billed - exact * 10 ** exponent(currency)) <= Fraction(max(len(lines), 1), 2)


@given(chains(Billing.IN_ADVANCE))
@tried(150)
def test_in_advance_charges_less_credits_are_what_was_used(chain):
    contract, changes, counted = chain
    timeline = [(contract.period.start, price_of(contract.terms))]
    lines = list(start(contract.terms, contract.period.start, contract.schedule.timezone).lines)
    for at, terms, mode in changes:
        move = change(contract, terms, at, mode)
        contract, lines = move.contract, lines + list(move.lines)
        timeline = held(timeline, at, terms, mode)
    exact = used(timeline, contract.period.end, counted, contract.schedule.timezone)
    assert close_to(lines, exact, contract.terms.currency)


@given(chains(Billing.IN_ARREARS))
@tried(150)
def test_in_arrears_the_invoice_at_the_turn_is_what_was_used(chain):
    contract, changes, counted = chain
    timeline = [(contract.period.start, price_of(contract.terms))]
    for at, terms, mode in changes:
        contract = change(contract, terms, at, mode).contract
        timeline = held(timeline, at, terms, mode)
    exact = used(timeline, contract.period.end, counted, contract.schedule.timezone)
    lines = renew(contract).lines
    assert close_to(lines, exact, contract.terms.currency)


@given(chains(Billing.IN_ADVANCE), st.lists(st.integers(0, 100), min_size=20, max_size=20), st.data())
@tried(150)
def test_no_credit_gives_back_more_than_was_paid(chain, percents, data):
    contract, changes, counted = chain
    paid, back = Money(0, contract.terms.currency), Money(0, contract.terms.currency)

    def invoice(move):
        """Takes a percentage off each charge, and counts what is paid and given back."""
        nonlocal paid, back
        off = [Money(max(line.amount.minor, 0) * percents.pop() // 100, line.amount.currency) for line in move.lines]
        for line, discount in zip(move.lines, off, strict=True):
            if line.amount.minor < 0:
                back -= line.amount
            else:
                paid += line.amount - discount
        return move.discounted(off)

    contract = invoice(start(contract.terms, contract.period.start, contract.schedule.timezone))
    for at, terms, mode in changes:
        contract = invoice(change(contract, terms, at, mode))
        assert all(stretch.left.minor >= 0 for stretch in contract.billed)
    last = data.draw(st.sampled_from([counted, NONE]))
    invoice(cancel(contract, contract.changed_at, CancelMode.NOW, last))
    assert back <= paid


@given(st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.sampled_from(ZONES), prices)
@tried(50)
def test_changing_to_another_plan_and_back_at_once_costs_nothing(begin, timezone, price):
    contract = start(
        sold_terms(price, "CAD", Recurrence(Interval.MONTH), Billing.IN_ADVANCE, DAY), begin, timezone
    ).contract
    at = contract.period.start + contract.period.length / 3
    there = change(contract, sold_terms("999"), at, DAY)
    back = change(there.contract, contract.terms, at, DAY)
    assert sum(line.amount.minor for line in there.lines + back.lines) == 0


def test_the_second_way_of_counting_agrees_with_a_sum_by_hand():
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 11, 21)]
    timeline = list(zip(days, map(Decimal, ("31", "62", "93")), strict=True))
    assert used(timeline, datetime(2026, 2, 1, tzinfo=UTC), DAY, "UTC") == 10 + 20 + 33


def test_the_law_notices_a_credit_that_is_off():
    contract = start(
        sold_terms("31", "CAD", Recurrence(Interval.MONTH), Billing.IN_ADVANCE, DAY),
        datetime(2026, 1, 1, tzinfo=UTC),
        "UTC",
    )
    wrong = [replace(line, amount=line.amount - Money(2, "CAD")) for line in contract.lines]
    assert close_to(contract.lines, Fraction(31), "CAD")
    assert not close_to(wrong, Fraction(31), "CAD")
