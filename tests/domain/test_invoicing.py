"""Invoice totals: tables with the sum beside the case. Laws: 100 random examples each."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.discounts import AmountOff, PercentOff
from app.domain.errors import InvalidInput
from app.domain.invoicing import DraftLine, invoice_totals, priced_line
from app.domain.money import Money
from app.domain.pricing import parse_price
from app.domain.tax_tables import canada
from app.domain.taxes import REVERSE_CHARGED, UNTAXED, Registration, TaxBook, TaxLocation, TaxRate, TaxStatus
from tests.laws import tried

BOOK = TaxBook(
    canada.RATES,
    [Registration("CA", None, "gst_hst", "826393555RT0001"), Registration("CA", "QC", "qst", "1234567890TQ0001")],
)


def taxed_in(province, on=date(2026, 11, 20)):
    return BOOK.treatment(TaxLocation("CA", province), TaxStatus(), "saas", on)


ONTARIO, QUEBEC, ALBERTA = taxed_in("ON"), taxed_in("QC"), taxed_in("AB")
OLD_QUEBEC = taxed_in("QC", date(2012, 6, 1))


def line(amount, treatment=UNTAXED, inclusive=False, discountable=True):
    return DraftLine("Line", Money.parse(amount, "CAD"), Decimal(1), None, treatment, inclusive, discountable)


TEN_PERCENT, FIVE_OFF, FREE = PercentOff(Decimal(10)), AmountOff(Money(500, "CAD")), PercentOff(Decimal(100))


@pytest.mark.parametrize(
    ("lines", "discounts", "subtotal", "discount", "tax", "total"),
    [
        ([line("100.00", ONTARIO)], [], "100.00", "0.00", "13.00", "113.00"),
        ([line("113.00", ONTARIO, True)], [], "113.00", "0.00", "13.00", "113.00"),
        ([line("100.00", QUEBEC)], [], "100.00", "0.00", "14.98", "114.98"),  # 5.00 + 9.98
        ([line("100.00", OLD_QUEBEC)], [], "100.00", "0.00", "14.98", "114.98"),  # 5.00 + 9.5 % of 105.00
        ([line("100.00", ONTARIO)], [TEN_PERCENT], "100.00", "10.00", "11.70", "101.70"),
        ([line("113.00", ONTARIO, True)], [TEN_PERCENT], "113.00", "11.30", "11.70", "101.70"),
        ([line("100.00", ONTARIO)], [TEN_PERCENT, FIVE_OFF], "100.00", "15.00", "11.05", "96.05"),
        ([line("100.00", ONTARIO)], [FREE], "100.00", "100.00", "0.00", "0.00"),
        ([line("100.00", ONTARIO), line("-40.00", ONTARIO)], [TEN_PERCENT], "60.00", "10.00", "6.50", "56.50"),
        ([line("100.00", discountable=False), line("50.00")], [TEN_PERCENT], "150.00", "5.00", "0.00", "145.00"),
        ([line("10.00", ONTARIO), line("-40.00", ONTARIO)], [], "-30.00", "0.00", "-3.90", "-33.90"),
        ([line("100.00", ONTARIO), line("113.00", ONTARIO, True)], [], "213.00", "0.00", "26.00", "226.00"),
        ([line("100.00", REVERSE_CHARGED)], [], "100.00", "0.00", "0.00", "100.00"),
        ([], [FIVE_OFF], "0.00", "0.00", "0.00", "0.00"),
    ],
)
def test_lines_add_up_to_what_the_customer_pays(lines, discounts, subtotal, discount, tax, total):
    totals = invoice_totals(lines, "CAD", discounts)
    sums = (totals.subtotal, totals.discount, totals.tax, totals.total)
    assert [str(amount.amount) for amount in sums] == [subtotal, discount, tax, total]


@pytest.mark.parametrize(
    ("lines", "taxes"),
    [
        ([line("100.00", ONTARIO), line("50.00", ONTARIO)], ["HST CA-ON 13: 19.50 on 150.00"]),
        ([line("113.00", ONTARIO, True)], ["HST CA-ON 13: 13.00 on 100.00"]),
        ([line("100.00", QUEBEC)], ["GST CA 5: 5.00 on 100.00", "QST CA-QC 9.975: 9.98 on 100.00"]),
        ([line("100.00", OLD_QUEBEC)], ["GST CA 5: 5.00 on 100.00", "QST CA-QC 9.5: 9.98 on 105.00"]),
        (
            [line("100.00", QUEBEC), line("100.00", ALBERTA), line("100.00")],
            ["GST CA 5: 10.00 on 200.00", "QST CA-QC 9.975: 9.98 on 100.00"],
        ),
        ([line("100.00")], []),
    ],
)
def test_each_tax_is_totalled_with_what_it_is_levied_on(lines, taxes):
    totals = invoice_totals(lines, "CAD").taxes
    assert [
        f"{each.tax.rate.name} {each.tax.rate.jurisdiction} {each.tax.rate.percent}:"
        f" {each.amount.amount} on {each.taxable.amount}"
        for each in totals
    ] == taxes
    assert all(each.tax.registration_number for each in totals)


def test_equal_taxes_that_come_from_different_treatments_are_one_total():
    again = TaxBook(canada.RATES, [Registration("CA", None, "gst_hst", "826393555RT0001")]).treatment(
        TaxLocation("CA", "ON"), TaxStatus(), "software", date(2026, 11, 20)
    )
    totals = invoice_totals([line("0.04", ONTARIO), line("0.04", again)], "CAD")
    assert [(each.taxable.minor, each.amount.minor) for each in totals.taxes] == [(8, 1)]  # 1.04 cents


def test_tax_is_rounded_by_line_when_asked():
    lines = [line("0.04", ONTARIO), line("0.04", ONTARIO)]
    assert invoice_totals(lines, "CAD").tax.minor == 1
    assert invoice_totals(lines, "CAD", tax_rounding="line").tax.minor == 2


def test_notes_stand_once_on_the_invoice():
    assert invoice_totals([line("1", REVERSE_CHARGED), line("2", REVERSE_CHARGED)], "CAD").notes == ("Reverse charge",)


def test_a_line_tells_the_whole_way_from_the_price_to_the_total():
    price = parse_price({"model": "standard", "unit_amount": "33.333"})
    draft = priced_line("Seats", price, Decimal(3), "CAD", ONTARIO)
    steps = invoice_totals([draft], "CAD", [TEN_PERCENT]).lines[0].derivation
    assert [(step.text, step.amount) for step in steps] == [
        ("3 × 33.333", "99.999"),
        ("Rounded to 100.00 CAD", "100.00"),
        ("Discount: 10 % off", "90.00"),
        ("HST 13 % (CA-ON, in force from 2010-07-01) on 90.00: 11.70", "101.70"),
    ]


def test_an_included_tax_leaves_the_running_amount_alone():
    steps = invoice_totals([line("113.00", ONTARIO, True)], "CAD").lines[0].derivation
    assert [(step.text, step.amount) for step in steps] == [
        ("113.00 CAD, as given", "113.00"),
        ("HST 13 % (CA-ON, in force from 2010-07-01) included: 13.00", "113.00"),
    ]


def test_a_priced_line_carries_quantity_and_unit_amount():
    price = parse_price({"model": "standard", "unit_amount": "9.99"})
    draft = priced_line("Seats", price, Decimal(3), "CAD", inclusive=True)
    assert (draft.quantity, draft.unit_amount, draft.amount, draft.inclusive) == (
        Decimal(3),
        Decimal("9.99"),
        Money(2997, "CAD"),
        True,
    )


@pytest.mark.parametrize(
    ("lines", "discounts", "code"),
    [
        ([DraftLine("Line", Money(1, "USD"))], [], "currency_mismatch"),
        ([line("1")], [AmountOff(Money(1, "USD"))], "currency_mismatch"),
        ([DraftLine("Line", Money(2**62, "CAD"))] * 3, [], "amount_out_of_range"),
    ],
)
def test_an_invoice_that_cannot_be_summed_is_refused(lines, discounts, code):
    with pytest.raises(InvalidInput) as refusal:
        invoice_totals(lines, "CAD", discounts)
    assert refusal.value.code == code


def treatment(*percents):
    rates = [
        TaxRate(f"T{i}", f"t{i}", "CA", None, percent, date(2020, 1, 1), compound=i == 2)
        for i, percent in enumerate(percents)
    ]
    book = TaxBook(rates, [Registration("CA", None, rate.scheme, "1") for rate in rates])
    return book.treatment(TaxLocation("CA", "ON"), TaxStatus(), "saas", date(2026, 1, 1))


minors = st.integers(-(10**7), 10**9)
treatments = st.lists(st.decimals("0.001", 30, places=3), max_size=3).map(lambda percents: treatment(*percents))
lines = st.builds(
    lambda minor, treated, inclusive: DraftLine("Line", Money(minor, "CAD"), treatment=treated, inclusive=inclusive),
    minors,
    st.one_of(treatments, st.sampled_from([ONTARIO, QUEBEC, OLD_QUEBEC])),
    st.booleans(),
)
discounts = st.lists(
    st.one_of(
        st.builds(PercentOff, st.decimals("0.01", 100, places=2)),
        st.builds(AmountOff, st.builds(Money, st.integers(1, 10**7), st.just("CAD"))),
    ),
    max_size=3,
)
roundings = st.sampled_from(["invoice", "line"])


@tried(100)
@given(st.lists(lines, max_size=6), discounts, roundings)
def test_the_parts_of_the_lines_sum_to_the_invoice(drafts, given_discounts, rounding):
    totals = invoice_totals(drafts, "CAD", given_discounts, rounding)
    assert sum(each.discount.minor for each in totals.lines) == totals.discount.minor
    assert sum(each.tax.minor for each in totals.lines) == totals.tax.minor
    assert sum(each.amount.minor for each in totals.taxes) == totals.tax.minor
    assert sum(Decimal(each.derivation[-1].amount) for each in totals.lines) == totals.total.amount


@tried(100)
@given(st.lists(lines, max_size=6), discounts, roundings)
def test_an_invoice_without_prices_on_top_costs_what_its_prices_say(drafts, given_discounts, rounding):
    inside = [DraftLine(d.description, d.amount, treatment=d.treatment, inclusive=True) for d in drafts]
    totals = invoice_totals(inside, "CAD", given_discounts, rounding)
    assert totals.total == totals.subtotal - totals.discount


@tried(100)
@given(st.lists(lines, max_size=6), roundings)
def test_an_invoice_and_its_opposite_cancel(drafts, rounding):
    opposite = [DraftLine(d.description, -d.amount, treatment=d.treatment, inclusive=d.inclusive) for d in drafts]
    totals, reversed_totals = invoice_totals(drafts, "CAD", (), rounding), invoice_totals(opposite, "CAD", (), rounding)
    assert (totals.tax, totals.total) == (-reversed_totals.tax, -reversed_totals.total)
