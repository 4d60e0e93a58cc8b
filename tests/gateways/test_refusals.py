"""Decline codes: every table speaks our words, and a code that no table has is noticed."""

import logging

import pytest

from app.domain.declines import DECLINES, UNKNOWN
from app.gateways import adyen_words, paypal_words, refusals, square_words, stripe_words
from app.gateways.refusals import decline_from, unknown_codes

TABLES = {
    "stripe": stripe_words.DECLINES,
    "square": square_words.DECLINES,
    "paypal": paypal_words.DECLINES,
    "adyen": adyen_words.DECLINES,
}


@pytest.mark.parametrize("gateway", TABLES)
def test_every_word_in_a_table_is_one_of_ours(gateway: str) -> None:
    assert set(TABLES[gateway].values()) <= set(DECLINES)


@pytest.mark.parametrize("gateway", TABLES)
def test_a_table_tells_hard_from_soft(gateway: str) -> None:
    assert {DECLINES[word].hard for word in TABLES[gateway].values()} == {True, False}


def test_an_unknown_code_is_a_soft_decline_that_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    before = unknown_codes["stripe", "brand_new_code"]
    with caplog.at_level(logging.WARNING, refusals.__name__):
        assert decline_from("stripe", stripe_words.DECLINES, "brand_new_code", None) == UNKNOWN
    assert not UNKNOWN.hard
    assert unknown_codes["stripe", "brand_new_code"] == before + 1
    assert "brand_new_code" in caplog.text


def test_the_first_known_code_decides() -> None:
    assert decline_from("stripe", stripe_words.DECLINES, "brand_new_code", "expired_card") == DECLINES["expired_card"]
