"""Every amount is computed again from its derivation. Laws: 100 random examples each."""

import ast
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from priced import prices, usages

import app.domain
from app.domain import credits
from app.domain.derivation import Step
from app.domain.discounts import AmountOff, PercentOff
from app.domain.errors import InvalidInput
from app.domain.explain import RULES, recompute
from app.domain.invoicing import DraftLine, invoice_totals, priced_line
from app.domain.lines import LineKind, charge
from app.domain.money import Money
from app.domain.periods import Period
from app.domain.pricing import parse_price
from app.domain.tax_tables import canada
from app.domain.taxes import Registration, TaxBook, TaxLocation, TaxStatus
from app.domain.terms import Item, ProrationMode
from tests.laws import tried

BOOK = TaxBook(
    canada.RATES,
    [Registration("CA", None, "gst_hst", "826393555RT0001"), Registration("CA", "QC", "qst", "1234567890TQ0001")],
)
TREATMENTS = [
    BOOK.treatment(TaxLocation("CA", province), TaxStatus(), "saas", on)
    for province, on in (("ON", date(2026, 1, 1)), ("QC", date(2026, 1, 1)), ("QC", date(2012, 1, 1)))
]


@tried(100)
@given(prices, usages, st.sampled_from(["CAD", "JPY", "BHD"]))
def test_a_charge_is_computed_again_from_its_derivation(price, usage, currency):
    priced = price.charge(usage, currency)
    assert recompute(priced.derivation) == priced.amount.amount
    unrounded = price.unrounded(usage)
    assert recompute(unrounded.derivation) == unrounded.amount


given_lines = st.builds(
    lambda minor, treatment, inclusive: DraftLine(
        "Line", Money(minor, "CAD"), treatment=treatment, inclusive=inclusive
    ),
    st.integers(-(10**6), 10**7),
    st.sampled_from(TREATMENTS),
    st.booleans(),
)
priced_lines = st.builds(
    lambda price, usage, treatment, inclusive: priced_line("L", price, usage, "CAD", treatment, inclusive=inclusive),
    prices,
    usages,
    st.sampled_from(TREATMENTS),
    st.booleans(),
)
discounts = st.lists(
    st.one_of(
        st.builds(PercentOff, st.decimals("0.01", 100, places=2)),
        st.builds(AmountOff, st.builds(Money, st.integers(1, 10**6), st.just("CAD"))),
    ),
    max_size=2,
)


@tried(100)
@given(st.lists(st.one_of(given_lines, priced_lines), max_size=4), discounts, st.sampled_from(["invoice", "line"]))
def test_an_invoice_is_computed_again_from_the_derivations_of_its_lines(lines, given_discounts, rounding):
    totals = invoice_totals(lines, "CAD", given_discounts, rounding)
    assert sum(recompute(line.derivation) for line in totals.lines) == totals.total.amount


START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
MONTH = Period(START, START + timedelta(days=31))
fractions = st.fractions(0, 1, max_denominator=31)


@tried(100)
@given(prices, st.integers(0, 500), fractions, fractions, st.integers(0, 100), st.booleans())
def test_charges_and_credits_for_parts_of_a_period_are_computed_again(price, quantity, part, unused, percent, before):
    item = Item("Plan", price, Decimal(quantity))
    line = charge(LineKind.RECURRING, "Plan", item, "CAD", MONTH, part, ProrationMode.DAY)
    billed = credits.Billed.of(line, Money(line.amount.minor * percent // 100, "CAD"))
    billed = replace(billed, credited=Money(billed.left.minor // 2, "CAD")) if before else billed
    given_back = [credits.credit(billed, START, unused, ProrationMode.DAY), credits.credit_all(billed)]
    for each in (line, *given_back):
        assert recompute(each.derivation) == each.amount.amount


STEPS = parse_price({"model": "standard", "unit_amount": "0.335"}).charge(Decimal(3), "CAD").derivation


@pytest.mark.parametrize(
    ("derivation", "code"),
    [
        ((replace(STEPS[0], amount="1"), STEPS[1]), "derivation_differs"),
        ((STEPS[0], replace(STEPS[1], amount="1.00")), "derivation_differs"),
        ((replace(STEPS[0], values={**STEPS[0].values, "quantity": "4"}), STEPS[1]), "derivation_differs"),
        ((Step("magic", "Just so", "1.01"),), "unknown_step"),
    ],
)
def test_a_derivation_that_was_tampered_with_is_refused(derivation, code):
    with pytest.raises(InvalidInput) as refusal:
        recompute(derivation)
    assert refusal.value.code == code


def test_a_refusal_names_the_step():
    tampered = (replace(STEPS[0], amount="9"), STEPS[1])
    with pytest.raises(InvalidInput, match=r"Step 1 \(“3 × 0\.335”\) claims 9, but its operands give 201/200\."):
        recompute(tampered)


def test_an_empty_derivation_amounts_to_nothing():
    assert recompute(()) == Fraction(0)


def step_names():
    """The names of all steps that the rules of the house take, out of their source."""
    for path in Path(app.domain.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            receiver = getattr(getattr(node.func, "value", None), "id", "")
            if called == "Step" or receiver == "trail":
                yield node.args[0].value


def test_there_is_a_rule_for_every_step_and_a_step_for_every_rule():
    by_model = {"graduated_tier", "graduated_percentage_tier"}
    assert set(step_names()) | by_model == set(RULES)
