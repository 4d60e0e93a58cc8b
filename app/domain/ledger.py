"""Posting rules: which accounts a fact moves. A debit is positive, a credit negative, and an entry sums to zero."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from app.domain.errors import InvalidInput
from app.domain.money import Money

Kind = Literal["asset", "liability", "income", "expense", "contra"]


class Account(NamedTuple):
    """An account of the books. A contra account takes away from income."""

    name: str
    kind: Kind


CHART: dict[str, Account] = {
    "accounts_receivable": Account("Accounts receivable", "asset"),
    "gateway_clearing": Account("Money at gateways", "asset"),
    "received_outside": Account("Money received outside of gateways", "asset"),
    "bank": Account("Money paid out to the bank", "asset"),
    "disputes": Account("Money held for disputes", "asset"),
    "deferred_revenue": Account("Revenue not yet earned", "liability"),
    "tax_payable": Account("Sales tax payable", "liability"),
    "customer_balance": Account("Customers' credit", "liability"),
    "sales_revenue": Account("Sales", "income"),
    "refunds": Account("Refunds and credit notes", "contra"),
    "bad_debt": Account("Bad debt", "expense"),
    "gateway_fees": Account("Gateway fees", "expense"),
}


class Posting(NamedTuple):
    """One side of an entry."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact of the books, with postings that sum to zero; accounts that do not move are left out."""

    fact: str
    postings: tuple[Posting, ...]


class Rule(NamedTuple):
    """Which amount of a fact goes to which account, debit or credit."""

    parts: tuple[tuple[str, int, str], ...]
    names: frozenset[str]

    def mirrored(self) -> "Rule":
        """The rule of the fact that takes this one back."""
        return Rule(tuple((account, -sign, name) for account, sign, name in self.parts), self.names)


def _rule(*, debit: Mapping[str, str], credit: Mapping[str, str]) -> Rule:
    """`debit={"bad_debt": "net"}` reads: the amount called net is debited to bad debt."""
    sides = ((debit, 1), (credit, -1))
    parts = tuple((account, sign, name) for side, sign in sides for account, name in side.items())
    return Rule(parts, frozenset(name for _, _, name in parts))


# Revenue of a service period that is still to come is `deferred`, and recognised as the period passes.
_FINALIZED = _rule(
    debit={"accounts_receivable": "total"},
    credit={"sales_revenue": "revenue", "deferred_revenue": "deferred", "tax_payable": "tax"},
)
# What is received beyond what the invoice asks for is kept as the customer's credit.
_PAID = _rule(
    debit={"gateway_clearing": "received", "received_outside": "outside"},
    credit={"accounts_receivable": "applied", "customer_balance": "kept"},
)
# A refund pays out what a credit note left in the customer's favour, or their credit, or is a gift.
_REFUNDED = _rule(
    debit={"accounts_receivable": "credited", "customer_balance": "from_balance", "refunds": "gift"},
    credit={"gateway_clearing": "paid_out", "received_outside": "outside"},
)
# Tax on a debt that will never be paid is not owed to the state (Excise Tax Act, section 231).
_WRITTEN_OFF = _rule(debit={"bad_debt": "net", "tax_payable": "tax"}, credit={"accounts_receivable": "total"})
_DISPUTED = _rule(debit={"disputes": "amount"}, credit={"gateway_clearing": "amount"})
_DISPUTE_LOST = _rule(debit={"bad_debt": "amount"}, credit={"disputes": "amount"})

FACTS: dict[str, Rule] = {
    "invoice_finalized": _FINALIZED,
    "invoice_voided": _FINALIZED.mirrored(),
    "payment_succeeded": _PAID,
    "payment_reversed": _PAID.mirrored(),
    "late_payment_to_balance": _rule(debit={"gateway_clearing": "amount"}, credit={"customer_balance": "amount"}),
    "payment_unapplied": _rule(debit={"accounts_receivable": "amount"}, credit={"customer_balance": "amount"}),
    "customer_balance_applied": _rule(debit={"customer_balance": "amount"}, credit={"accounts_receivable": "amount"}),
    "balance_adjusted": _rule(debit={"refunds": "amount"}, credit={"customer_balance": "amount"}),
    "payment_refunded": _REFUNDED,
    "refund_returned": _REFUNDED.mirrored(),
    "credit_note_issued": _rule(
        debit={"refunds": "revenue", "deferred_revenue": "deferred", "tax_payable": "tax"},
        credit={"accounts_receivable": "owed", "customer_balance": "to_balance"},
    ),
    "write_off": _WRITTEN_OFF,
    "write_off_recovered": _WRITTEN_OFF.mirrored(),
    "revenue_recognized": _rule(debit={"deferred_revenue": "amount"}, credit={"sales_revenue": "amount"}),
    "gateway_fee": _rule(debit={"gateway_fees": "amount"}, credit={"gateway_clearing": "amount"}),
    "payout": _rule(debit={"bank": "amount"}, credit={"gateway_clearing": "amount"}),
    "dispute_opened": _DISPUTED,
    "dispute_won": _DISPUTED.mirrored(),
    "dispute_lost": _DISPUTE_LOST,
    "dispute_reopened": _DISPUTE_LOST.mirrored(),
}


@lru_cache(maxsize=1024)
def entry(fact: str, currency: str, **amounts: int) -> Entry:
    """The postings of a fact, from its named amounts in minor units of one currency; a name left out is zero.

    An invoice of 113.00 with 13.00 tax, `entry("invoice_finalized", "CAD", total=11300, revenue=10000, tax=1300)`,
    debits accounts receivable 113.00 and credits sales 100.00 and tax 13.00. Raises InvalidInput for a fact or name
    that the table does not have, and for amounts that do not balance.
    """
    rule = FACTS.get(fact)
    if rule is None:
        raise InvalidInput(f"The books know no fact “{fact}”.", code="unknown_fact", field="fact")
    if not rule.names.issuperset(amounts):
        unknown = ", ".join(sorted(amounts.keys() - rule.names))
        raise InvalidInput(f"{fact} has no amount {unknown}.", code="unknown_amount", field=unknown)
    moved = [(account, sign * amounts[name]) for account, sign, name in rule.parts if amounts.get(name)]
    difference = sum([minor for _, minor in moved])
    if difference:
        raise InvalidInput(
            f"{fact} does not balance: debits exceed credits by {Money(difference, currency)}.",
            code="unbalanced_entry",
            field="fact",
        )
    return Entry(fact, tuple([Posting(account, Money(minor, currency)) for account, minor in moved]))
