"""Which taxes apply and how much they are: vectors with the sum beside the case. Laws: 100 random examples each."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.exact import major_text
from app.domain.tax_tables import canada, eu
from app.domain.tax_tables.places import EU, REGIONS
from app.domain.taxes import (
    ChargedTax,
    Exemption,
    Registration,
    TaxableLine,
    TaxBook,
    TaxId,
    TaxLocation,
    TaxRate,
    TaxStatus,
    TaxTreatment,
    applicable,
    parse_rules,
    tax_lines,
)
from tests.laws import tried

GST = Registration("CA", None, "gst_hst", "826393555RT0001")
QST = Registration("CA", "QC", "qst", "1234567890TQ0001")
PST_BC = Registration("CA", "BC", "pst", "PST-1234-5678")
PST_SK = Registration("CA", "SK", "pst", "1234567")
RST_MB = Registration("CA", "MB", "rst", "123456-7")
PST_ON = Registration("CA", "ON", "rst", "1234")
PST_PE = Registration("CA", "PE", "pst", "1234")
OSS = Registration("IE", None, "oss_non_union", "EU372000041")
UK = Registration("GB", None, "vat", "123456789")
ALL_CANADA = (GST, QST, PST_BC, PST_SK, RST_MB, PST_ON, PST_PE)

RATES = (*canada.RATES, *eu.RATES)
BOOK = TaxBook(RATES, (*ALL_CANADA, OSS, UK))
CONSUMER = TaxStatus()


def taxes_on(minor, treatment, inclusive=False):
    (line,) = tax_lines([TaxableLine(minor, treatment, inclusive)])
    return " ".join(f"{tax.tax.rate.name} {major_text(tax.amount, 2)}" for tax in line)


@pytest.mark.parametrize(
    ("place", "on", "category", "taxes"),
    [
        ("CA-ON", "2026-11-20", "saas", "HST 13.00"),
        ("CA-ON", "2010-07-01", "saas", "HST 13.00"),
        ("CA-ON", "2010-06-30", "goods", "GST 5.00 RST 8.00"),
        ("CA-AB", "2026-11-20", "saas", "GST 5.00"),
        ("CA-YT", "2026-11-20", "goods", "GST 5.00"),
        ("CA-BC", "2026-11-20", "saas", "GST 5.00 PST 7.00"),  # PST is not levied on GST
        ("CA-BC", "2026-11-20", "service", "GST 5.00"),
        ("CA-BC", "2013-04-01", "saas", "GST 5.00 PST 7.00"),
        ("CA-BC", "2013-03-31", "saas", "HST 12.00"),
        ("CA-BC", "2010-06-30", "goods", "GST 5.00 PST 7.00"),
        ("CA-MB", "2026-01-01", "saas", "GST 5.00 RST 7.00"),  # Bill 46
        ("CA-MB", "2025-12-31", "saas", "GST 5.00"),
        ("CA-MB", "2025-12-31", "software", "GST 5.00 RST 7.00"),
        ("CA-MB", "2013-07-01", "goods", "GST 5.00 RST 8.00"),
        ("CA-MB", "2019-06-30", "goods", "GST 5.00 RST 8.00"),
        ("CA-MB", "2020-07-01", "goods", "GST 5.00 RST 7.00"),  # the cut to 6 % never came
        ("CA-NB", "2016-06-30", "saas", "HST 13.00"),
        ("CA-NB", "2016-07-01", "saas", "HST 15.00"),
        ("CA-NL", "2016-01-01", "saas", "HST 13.00"),  # the rise of that day was cancelled
        ("CA-NL", "2016-07-01", "saas", "HST 15.00"),
        ("CA-NS", "2010-06-30", "saas", "HST 13.00"),
        ("CA-NS", "2025-03-31", "saas", "HST 15.00"),
        ("CA-NS", "2025-04-01", "saas", "HST 14.00"),
        ("CA-PE", "2013-03-31", "goods", "GST 5.00 PST 10.50"),  # 10 % of 105.00
        ("CA-PE", "2013-04-01", "goods", "HST 14.00"),
        ("CA-PE", "2016-10-01", "saas", "HST 15.00"),
        ("CA-QC", "2010-12-31", "saas", "GST 5.00 QST 7.88"),  # 7.5 % of 105.00 = 7.875
        ("CA-QC", "2011-01-01", "saas", "GST 5.00 QST 8.93"),  # 8.5 % of 105.00 = 8.925
        ("CA-QC", "2012-12-31", "saas", "GST 5.00 QST 9.98"),  # 9.5 % of 105.00 = 9.975
        ("CA-QC", "2013-01-01", "saas", "GST 5.00 QST 9.98"),  # 9.975 % of 100.00
        ("CA-SK", "2017-03-22", "goods", "GST 5.00 PST 5.00"),
        ("CA-SK", "2017-03-23", "goods", "GST 5.00 PST 6.00"),
        ("CA-SK", "2018-12-31", "saas", "GST 5.00"),
        ("CA-SK", "2019-01-01", "saas", "GST 5.00 PST 6.00"),
        ("CA-ON", "2026-11-20", "exempt", ""),
        ("DE", "2020-06-30", "saas", "VAT 19.00"),
        ("DE", "2020-07-01", "saas", "VAT 16.00"),
        ("DE", "2021-01-01", "saas", "VAT 19.00"),
        ("EE", "2025-06-30", "saas", "VAT 22.00"),
        ("EE", "2025-07-01", "saas", "VAT 24.00"),
        ("FI", "2024-09-01", "saas", "VAT 25.50"),
        ("GR", "2026-11-20", "saas", "VAT 24.00"),
        ("LU", "2023-12-31", "saas", "VAT 16.00"),
        ("RO", "2025-08-01", "saas", "VAT 21.00"),
        ("SK", "2024-12-31", "saas", "VAT 20.00"),
        ("SK", "2025-01-01", "saas", "VAT 23.00"),
        ("GB", "2026-11-20", "saas", "VAT 20.00"),
        ("US-NY", "2026-11-20", "saas", ""),  # not registered, no rate
        ("CH", "2026-11-20", "saas", ""),
    ],
)
def test_a_hundred_dollars_bear_the_taxes_of_the_place_and_day(place, on, category, taxes):
    country, _, region = place.partition("-")
    location = TaxLocation(country, region or None)
    assert taxes_on(10_000, BOOK.treatment(location, CONSUMER, category, date.fromisoformat(on))) == taxes


@pytest.mark.parametrize(
    ("place", "postal_code", "taxes"),
    [
        ("ES", "28001", "VAT 21.00"),
        ("ES", "35001", ""),  # Canary Islands
        ("PT", "1000-001", "VAT 23.00"),
        ("PT", "9000-017", "VAT 22.00"),  # Madeira
        ("PT", "9500-150", "VAT 16.00"),  # Azores
        ("FR", "97400", "VAT 8.50"),  # Réunion
        ("DE", "78266", ""),  # Büsingen
        ("AT", "6991", "VAT 19.00"),  # Mittelberg
    ],
)
def test_territories_have_a_rate_of_their_own(place, postal_code, taxes):
    location = TaxLocation(place, None, postal_code)
    assert taxes_on(10_000, BOOK.treatment(location, CONSUMER, "saas", date(2026, 11, 20))) == taxes


def registered(*registrations):
    return TaxBook(RATES, registrations)


@pytest.mark.parametrize(
    ("registrations", "place", "taxes"),
    [
        ((), "ON", ""),  # no registration, no tax
        ((GST,), "BC", "GST 5.00"),
        ((GST, PST_SK), "BC", "GST 5.00"),  # the number of one province does not serve another
        ((PST_BC,), "BC", "PST 7.00"),
        ((GST,), "QC", "GST 5.00"),
        ((GST, QST), "QC", "GST 5.00 QST 9.98"),
        ((OSS,), "ON", ""),
        ((Registration("CA", None, "gst_hst", "1", date(2026, 12, 1)),), "ON", ""),  # registered from a later day
    ],
)
def test_a_tax_is_charged_only_under_a_registration_that_covers_it(registrations, place, taxes):
    book = registered(*registrations)
    assert taxes_on(10_000, book.treatment(TaxLocation("CA", place), CONSUMER, "saas", date(2026, 11, 20))) == taxes


def business(*tax_ids):
    return TaxStatus("business", tuple(tax_ids))


GERMAN = TaxId("eu_vat", "DE123456789", "valid")
GREEK = TaxId("eu_vat", "EL123456789", "valid")
BRITISH = TaxId("gb_vat", "GB123456789", "valid")
VAT_DE = Registration("DE", None, "vat", "DE999999999")


@pytest.mark.parametrize(
    ("registrations", "home", "country", "status", "taxes", "notes"),
    [
        ((OSS,), None, "DE", business(GERMAN), "", ("Reverse charge",)),
        ((OSS,), None, "GR", business(GREEK), "", ("Reverse charge",)),  # Greece is EL
        ((OSS,), None, "GR", business(TaxId("eu_vat", "GR123456789", "valid")), "VAT 24.00", ()),
        ((UK,), "CA", "GB", business(BRITISH), "", ("Reverse charge",)),
        ((OSS,), None, "FR", business(GERMAN), "VAT 20.00", ()),  # a number of another country
        ((OSS,), None, "DE", business(TaxId("eu_vat", "DE123456789", "invalid")), "VAT 19.00", ()),
        ((OSS,), None, "DE", business(TaxId("eu_vat", "DE123456789")), "VAT 19.00", ()),  # unverified
        ((OSS,), None, "DE", business(), "VAT 19.00", ()),
        ((OSS,), None, "DE", TaxStatus("consumer", (GERMAN,)), "VAT 19.00", ()),
        ((VAT_DE,), None, "DE", business(GERMAN), "VAT 19.00", ()),  # the seller's own country
        ((VAT_DE,), "DE", "DE", business(GERMAN), "VAT 19.00", ()),
        ((VAT_DE,), "CA", "DE", business(GERMAN), "", ("Reverse charge",)),  # registered, not established
        ((VAT_DE, OSS), "DE", "GR", business(GREEK), "", ("Reverse charge",)),
        ((), None, "DE", TaxStatus(), "", ()),
    ],
)
def test_business_customers_abroad_account_for_the_tax_themselves(registrations, home, country, status, taxes, notes):
    treatment = applicable(RATES, registrations, TaxLocation(country), status, "saas", date(2026, 11, 20), home=home)
    assert (taxes_on(10_000, treatment), treatment.notes) == (taxes, notes)


def exempt(reason, *regions):
    return TaxStatus(exempt=Exemption(reason, regions))


@pytest.mark.parametrize(
    ("place", "status", "taxes", "notes"),
    [
        ("BC", exempt("resale"), "GST 5.00", ("Tax exempt: resale",)),  # from PST, not from GST
        ("BC", exempt("resale", "BC"), "GST 5.00", ("Tax exempt: resale",)),
        ("SK", exempt("resale", "BC"), "GST 5.00 PST 6.00", ()),
        ("QC", exempt("resale"), "GST 5.00 QST 9.98", ()),  # QST is a value-added tax
        ("ON", exempt("resale"), "HST 13.00", ()),
        ("BC", exempt("diplomat"), "", ("Tax exempt: diplomat",)),
        ("ON", exempt("first_nations", "BC"), "HST 13.00", ()),
    ],
)
def test_an_exemption_frees_from_the_taxes_its_reason_covers(place, status, taxes, notes):
    treatment = BOOK.treatment(TaxLocation("CA", place), status, "saas", date(2026, 11, 20))
    assert (taxes_on(10_000, treatment), treatment.notes) == (taxes, notes)


def test_registered_buyers_in_quebec_are_not_charged_under_the_specified_registration():
    seller = registered(Registration("CA", "QC", "qst_specified", "NR00012345"))
    buyer = business(TaxId("ca_qst", "1234567890TQ0001", "valid"))
    quebec, on = TaxLocation("CA", "QC"), date(2026, 11, 20)
    charged = [taxes_on(10_000, seller.treatment(quebec, status, "saas", on)) for status in (CONSUMER, buyer)]
    assert charged == ["QST 9.98", ""]


@pytest.mark.parametrize(
    ("location", "category", "code"),
    [
        (TaxLocation("CA"), "saas", "region_required"),
        (TaxLocation("CA", "XX"), "saas", "region_required"),
        (TaxLocation("CA", "ON"), "magic", "unknown_tax_category"),
    ],
)
def test_a_place_or_category_that_decides_nothing_is_refused(location, category, code):
    with pytest.raises(InvalidInput) as refusal:
        BOOK.treatment(location, CONSUMER, category, date(2026, 11, 20))
    assert refusal.value.code == code


def rate(percent, **more):
    return TaxRate("T", "vat", "DE", None, Decimal(percent), date(2020, 1, 1), **more)


@pytest.mark.parametrize(
    ("percent", "until", "code"), [("-1", None, "negative"), ("1", date(2020, 1, 1), "ends_early")]
)
def test_a_rate_that_makes_no_sense_is_refused(percent, until, code):
    with pytest.raises(InvalidInput) as refusal:
        rate(percent, valid_to=until)
    assert refusal.value.code == code


def test_of_two_rates_in_force_the_later_one_is_charged():
    newer = TaxRate("T", "vat", "DE", None, Decimal(21), date(2026, 1, 1))
    treatment = applicable([rate("19"), newer], [VAT_DE], TaxLocation("DE"), CONSUMER, "saas", date(2026, 11, 20))
    assert treatment.taxes == (ChargedTax(newer, "DE999999999"),)


def test_the_rules_of_a_rate_survive_their_json_shape():
    for known in RATES:
        assert parse_rules(known.rules) == (known.categories, known.postal_codes)


def test_no_place_has_two_rates_of_one_tax_on_a_day():
    places = {}
    for known in RATES:
        places.setdefault((known.jurisdiction, known.scheme, known.postal_codes), []).append(known)
    for rows in places.values():
        rows.sort(key=lambda row: row.valid_from)
        for earlier, later in pairwise(rows):
            assert earlier.valid_to is not None
            assert earlier.valid_to <= later.valid_from


def test_every_member_state_and_province_has_a_rate_with_a_source():
    assert {known.country for known in eu.RATES} == EU | {"GB"}
    assert {known.region for known in canada.RATES} - {None} <= REGIONS["CA"]
    assert all(known.sources and known.confidence for known in RATES)


def treatment_of(*percents, compound=()):
    rates = [rate(percent, compound=percent in compound, id=str(i)) for i, percent in enumerate(percents)]
    return TaxTreatment(tuple(ChargedTax(each, "1") for each in rates))


HST = treatment_of("13")
QUEBEC = treatment_of("5", "9.975")
ISLAND = treatment_of("5", "10", compound=("10",))


@pytest.mark.parametrize(
    ("minor", "treatment", "inclusive", "amounts"),
    [
        (3195, HST, False, "4.15"),  # 4.1535
        (3195, treatment_of("5", "8"), False, "1.60 2.56"),  # 1.5975 and 2.556: the two parts apart, 4.16
        (-3195, HST, False, "-4.15"),
        (11_300, HST, True, "13.00"),  # 113.00 × 13/113
        (-11_300, HST, True, "-13.00"),
        (100, HST, True, "0.12"),  # 0.11504…
        (11_498, QUEBEC, True, "5.00 9.98"),  # 114.98 / 1.14975 × 5 % and × 9.975 %
        (11_550, ISLAND, True, "5.00 10.50"),
        (3195, ISLAND, False, "1.60 3.36"),  # 10 % of 33.55 = 3.355
        (0, HST, False, "0.00"),
        (1, HST, False, "0.00"),
        (4, HST, False, "0.01"),  # 0.0052
    ],
)
def test_a_tax_is_rounded_half_away_from_zero(minor, treatment, inclusive, amounts):
    (line,) = tax_lines([TaxableLine(minor, treatment, inclusive)])
    assert " ".join(major_text(tax.amount, 2) for tax in line) == amounts


@pytest.mark.parametrize(
    ("minors", "rounding", "amounts"),
    [
        ([33, 33, 34], "invoice", [4, 4, 5]),  # 4.29 + 4.29 + 4.42 = 13 cents
        ([33, 33, 34], "line", [4, 4, 4]),
        ([1999, 1999], "invoice", [260, 260]),  # 259.87 twice = 519.74
        ([4, 4], "invoice", [1, 0]),  # 0.52 + 0.52 = 1.04 cents
        ([4, 4], "line", [1, 1]),
        ([1000, -250], "invoice", [130, -32]),  # 130 - 32.5 = 97.5, rounded 98
        ([1000, -250], "line", [130, -33]),
    ],
)
def test_lines_share_the_tax_of_the_invoice_or_round_alone(minors, rounding, amounts):
    lines = tax_lines([TaxableLine(minor, HST) for minor in minors], rounding)
    assert [tax.amount for (tax,) in lines] == amounts


def test_lines_with_different_taxes_share_the_tax_they_have_in_common():
    federal, both = TaxTreatment(QUEBEC.taxes[:1]), QUEBEC
    lines = tax_lines([TaxableLine(10, federal), TaxableLine(10, both)])  # GST on 0.20 is 1 cent, not 1 + 1
    assert [[tax.amount for tax in line] for line in lines] == [[1], [0, 1]]


minors = st.integers(-(10**9), 10**9)
treatments = st.sampled_from([HST, QUEBEC, ISLAND, treatment_of("7.123456"), treatment_of(), treatment_of("0.5", "20")])
taxable = st.builds(TaxableLine, minors, treatments, st.booleans())


@tried(100)
@given(st.lists(taxable, max_size=8), st.sampled_from(["invoice", "line"]))
def test_opposite_lines_bear_opposite_taxes(lines, rounding):
    opposite = [TaxableLine(-line.amount, line.treatment, line.inclusive) for line in lines]
    amounts = [[tax.amount for tax in line] for line in tax_lines(lines, rounding)]
    assert [[-tax.amount for tax in line] for line in tax_lines(opposite, rounding)] == amounts


@tried(100)
@given(st.lists(minors, min_size=1, max_size=8), treatments)
def test_taxes_included_in_a_price_and_the_rest_of_it_make_the_price(amounts, treatment):
    lines = tax_lines([TaxableLine(minor, treatment, True) for minor in amounts])
    for i, tax in enumerate(treatment.taxes):
        share = Decimal(treatment.included[i][0]) / treatment.included[i][1]
        assert abs(sum(line[i].amount for line in lines) - sum(amounts) * share) <= Decimal("0.5001")
        assert all(line[i].tax == tax for line in lines)


@tried(100)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_the_tax_of_the_lines_is_the_tax_of_their_sum(amounts):
    lines = tax_lines([TaxableLine(minor, HST) for minor in amounts])
    (whole,) = tax_lines([TaxableLine(sum(amounts), HST)])
    assert sum(line[0].amount for line in lines) == whole[0].amount
