"""Posting rules: each fact with its postings. Law: 100 random entries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.ledger import CHART, FACTS, entry
from tests.laws import tried

INVOICE = {"total": 11_300, "revenue": 4000, "deferred": 6000, "tax": 1300}


@pytest.mark.parametrize(
    ("fact", "amounts", "postings"),
    [
        (
            "invoice_finalized",
            INVOICE,
            "accounts_receivable 11300 sales_revenue -4000 deferred_revenue -6000 tax_payable -1300",
        ),
        (
            "invoice_voided",
            INVOICE,
            "accounts_receivable -11300 sales_revenue 4000 deferred_revenue 6000 tax_payable 1300",
        ),
        ("invoice_finalized", {"total": 0, "revenue": 0}, ""),
        ("invoice_finalized", {"total": -500, "revenue": -500}, "accounts_receivable -500 sales_revenue 500"),
        (
            "payment_succeeded",
            {"received": 120, "applied": 100, "kept": 20},
            "gateway_clearing 120 accounts_receivable -100 customer_balance -20",
        ),
        ("payment_reversed", {"received": 100, "applied": 100}, "gateway_clearing -100 accounts_receivable 100"),
        ("late_payment_to_balance", {"amount": 100}, "gateway_clearing 100 customer_balance -100"),
        ("payment_unapplied", {"amount": 100}, "accounts_receivable 100 customer_balance -100"),
        ("customer_balance_applied", {"amount": 100}, "customer_balance 100 accounts_receivable -100"),
        (
            "payment_refunded",
            {"credited": 60, "from_balance": 30, "gift": 10, "paid_out": 100},
            "accounts_receivable 60 customer_balance 30 refunds 10 gateway_clearing -100",
        ),
        ("refund_returned", {"gift": 10, "paid_out": 10}, "refunds -10 gateway_clearing 10"),
        (
            "credit_note_issued",
            {"revenue": 40, "deferred": 60, "tax": 13, "owed": 100, "to_balance": 13},
            "refunds 40 deferred_revenue 60 tax_payable 13 accounts_receivable -100 customer_balance -13",
        ),
        ("write_off", {"net": 100, "tax": 13, "total": 113}, "bad_debt 100 tax_payable 13 accounts_receivable -113"),
        ("write_off_recovered", {"net": 100, "total": 100}, "bad_debt -100 accounts_receivable 100"),
        ("revenue_recognized", {"amount": 100}, "deferred_revenue 100 sales_revenue -100"),
        ("gateway_fee", {"amount": 59}, "gateway_fees 59 gateway_clearing -59"),
        ("dispute_opened", {"amount": 100}, "disputes 100 gateway_clearing -100"),
        ("dispute_won", {"amount": 100}, "disputes -100 gateway_clearing 100"),
        ("dispute_lost", {"amount": 100}, "bad_debt 100 disputes -100"),
    ],
)
def test_a_fact_moves_its_accounts(fact, amounts, postings):
    posted = entry(fact, "CAD", **amounts)
    assert " ".join(f"{account} {amount.minor}" for account, amount in posted.postings) == postings


@pytest.mark.parametrize(
    ("fact", "amounts", "code"),
    [
        ("invoice_finalized", {"total": 100, "revenue": 99}, "unbalanced_entry"),
        ("payment_succeeded", {"received": 100}, "unbalanced_entry"),
        ("gateway_fee", {"fee": 1}, "unknown_amount"),
        ("miracle", {"amount": 1}, "unknown_fact"),
    ],
)
def test_an_entry_that_does_not_balance_or_is_unknown_is_refused(fact, amounts, code):
    with pytest.raises(InvalidInput) as refusal:
        entry(fact, "CAD", **amounts)
    assert refusal.value.code == code


def test_a_refusal_names_the_difference():
    with pytest.raises(InvalidInput, match=r"debits exceed credits by 0\.01 CAD"):
        entry("invoice_finalized", "CAD", total=100, revenue=99)


def test_every_rule_posts_to_accounts_of_the_chart_and_has_both_sides():
    for rule in FACTS.values():
        assert {account for account, _, _ in rule.parts} <= set(CHART)
        assert {sign for _, sign, _ in rule.parts} == {1, -1}


def test_every_account_is_moved_by_some_fact():
    assert {account for rule in FACTS.values() for account, _, _ in rule.parts} == set(CHART)


@tried(100)
@given(st.sampled_from(sorted(FACTS)), st.data())
def test_an_entry_is_balanced_or_refused(fact, data):
    amounts = {name: data.draw(st.integers(-3, 3)) for name in sorted(FACTS[fact].names)}
    difference = sum(sign * amounts[name] for _, sign, name in FACTS[fact].parts)
    if difference:
        with pytest.raises(InvalidInput):
            entry(fact, "CAD", **amounts)
    else:
        assert sum(posting.amount.minor for posting in entry(fact, "CAD", **amounts).postings) == 0
