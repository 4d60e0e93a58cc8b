"""Amounts and instants, in and out."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.api.schemas.values import Country, Instant, Number, Utc, major
from app.domain.currencies import EXPONENTS
from app.domain.money import Money
from tests.laws import tried


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1299, "CAD", "12.99"), (5, "CAD", "0.05"), (-1299, "CAD", "-12.99"), (1299, "JPY", "1299"), (1, "BHD", "0.001")],
)
def test_an_amount_has_the_decimals_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert major(minor, currency) == text


@tried(100)
@given(st.integers(1 - 2**63, 2**63 - 1), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_answered_can_be_sent_back(minor: int, currency: str) -> None:
    number = TypeAdapter(Number).validate_python(major(minor, currency))
    assert Money.parse(number, currency) == Money(minor, currency)


@pytest.mark.parametrize(("sent", "read"), [("9.99", "9.99"), ("1e2", "100"), (7, "7"), ("-0.5", "-0.5")])
def test_a_number_is_a_string_or_whole(sent: str | int, read: str) -> None:
    assert TypeAdapter(Number).validate_python(sent) == Decimal(read)


@tried(100)
@given(st.floats())
def test_a_float_is_never_a_number(number: float) -> None:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(Number).validate_python(number)
    assert refusal.value.errors()[0]["type"] == "float_refused"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-31T00:00:00Z", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31t00:00:00z", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31 00:00:00+00:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-30T19:00:00.5-05:00", datetime(2026, 1, 31, 0, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(sent: str, read: datetime) -> None:
    assert TypeAdapter(Instant).validate_python(sent) == read


@pytest.mark.parametrize(
    "sent",
    ["2026-01-31", "2026-01-31T00:00:00", "2026-W05-6T00:00:00Z", "20260131T000000Z", "2026-01-31T24:00:01Z", 0, None],
)
def test_what_is_no_instant_is_refused(sent: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Instant).validate_python(sent)


def test_an_instant_is_answered_in_utc() -> None:
    toronto = timezone(timedelta(hours=-5))
    assert TypeAdapter(Utc).dump_json(datetime(2026, 1, 31, 19, tzinfo=toronto)) == b'"2026-02-01T00:00:00Z"'


@pytest.mark.parametrize("code", ["CA", "GB", "DE", "HK"])
def test_a_country_is_known_by_its_code(code: str) -> None:
    assert TypeAdapter(Country).validate_python(code) == code


@pytest.mark.parametrize("code", ["UK", "EU", "ca", "CAN", "ZZ", ""])
def test_what_is_no_country_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Country).validate_python(code)
