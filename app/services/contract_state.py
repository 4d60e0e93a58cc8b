"""What a contract remembers beyond the columns of its subscription, as JSON: only after something unusual in a period.

In the usual case, paid in advance and not changed since, there is nothing to remember (None): what was billed stands on
the period's invoice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.domain.contract import Contract
from app.domain.credits import Billed
from app.domain.derivation import Step
from app.domain.exact import plain
from app.domain.lines import Line, LineKind
from app.domain.money import Money
from app.domain.periods import Period, Recurrence
from app.domain.pricing import parse_price, price_shape
from app.domain.terms import Billing, FirstPeriod, Item, ProrationMode, ProrationRules, Terms

Json = dict[str, Any]


def state_of(contract: Contract, *, as_invoiced: bool) -> Json | None:
    """What is to be kept of a contract; `as_invoiced` says that the period's invoice tells all that was billed."""
    plain_time = contract.since == contract.period.start or contract.owing is None
    if as_invoiced and plain_time and not contract.pending and contract.accrues is None:
        return None
    return {
        "billed": None if as_invoiced else [_billed_json(stretch) for stretch in contract.billed],
        "pending": [_line_json(line) for line in contract.pending],
        "since": contract.since.isoformat(),
        "accrues": _terms_json(contract.accrues) if contract.accrues else None,
    }


def with_state(contract: Contract, state: Json | None, invoiced: Sequence[Billed]) -> Contract:
    """The contract with what was kept; `invoiced` is what the period's invoice says was billed."""
    if state is None:
        return replace(contract, billed=tuple(invoiced))
    currency = contract.terms.currency
    kept = state["billed"]
    return replace(
        contract,
        billed=tuple(invoiced) if kept is None else tuple(_billed(stretch, currency) for stretch in kept),
        pending=tuple(_line(line, currency) for line in state["pending"]),
        since=datetime.fromisoformat(state["since"]),
        accrues=_terms(state["accrues"]) if state["accrues"] else None,
    )


def refs_in(state: Json) -> set[str]:
    """The `ref` of every item that the state remembers."""
    kept = [*(state["billed"] or ()), *state["pending"]]
    accruing = state["accrues"]["items"] if state["accrues"] else ()
    return {each["item"]["ref"] for each in kept} | {item["ref"] for item in accruing}


def _item_json(item: Item) -> Json:
    return {"name": item.name, "price": price_shape(item.price), "quantity": plain(item.quantity), "ref": item.ref}


def _item(kept: Mapping[str, Any]) -> Item:
    return Item(kept["name"], parse_price(kept["price"]), Decimal(kept["quantity"]), kept["ref"])


def _period_json(period: Period) -> list[str]:
    return [period.start.isoformat(), period.end.isoformat()]


def _period(kept: Sequence[str]) -> Period:
    return Period(datetime.fromisoformat(kept[0]), datetime.fromisoformat(kept[1]))


def _billed_json(billed: Billed) -> Json:
    return {
        "item": _item_json(billed.item),
        "period": _period_json(billed.period),
        "fraction": str(billed.fraction),
        "amount_minor": billed.amount.minor,
        "discount_minor": billed.discount.minor,
        "credited_minor": billed.credited.minor,
        "ref": billed.ref,
    }


def _billed(kept: Mapping[str, Any], currency: str) -> Billed:
    return Billed(
        _item(kept["item"]),
        _period(kept["period"]),
        Fraction(kept["fraction"]),
        Money(kept["amount_minor"], currency),
        Money(kept["discount_minor"], currency),
        Money(kept["credited_minor"], currency),
        kept["ref"],
    )


def _line_json(line: Line) -> Json:
    return {
        "kind": line.kind.value,
        "description": line.description,
        "item": _item_json(line.item),
        "period": _period_json(line.period),
        "fraction": str(line.fraction),
        "amount_minor": line.amount.minor,
        "derivation": [[step.step, step.text, step.amount, dict(step.values)] for step in line.derivation],
        "taxed_at": line.taxed_at.isoformat() if line.taxed_at else None,
    }


def _line(kept: Mapping[str, Any], currency: str) -> Line:
    return Line(
        LineKind(kept["kind"]),
        kept["description"],
        _item(kept["item"]),
        _period(kept["period"]),
        Fraction(kept["fraction"]),
        Money(kept["amount_minor"], currency),
        tuple(Step(*step) for step in kept["derivation"]),
        datetime.fromisoformat(kept["taxed_at"]) if kept["taxed_at"] else None,
    )


def _terms_json(terms: Terms) -> Json:
    return {
        "items": [_item_json(item) for item in terms.items],
        "currency": terms.currency,
        "interval": terms.recurrence.interval.value,
        "interval_count": terms.recurrence.count,
        "billing": terms.billing.value,
        "first_period": terms.first_period.value,
        "proration": [terms.proration.upgrade, terms.proration.downgrade, terms.proration.counted],
    }


def _terms(kept: Mapping[str, Any]) -> Terms:
    upgrade, downgrade, counted = (ProrationMode(mode) for mode in kept["proration"])
    return Terms(
        tuple(_item(item) for item in kept["items"]),
        kept["currency"],
        Recurrence.parse(kept["interval"], kept["interval_count"]),
        Billing(kept["billing"]),
        FirstPeriod(kept["first_period"]),
        ProrationRules(upgrade, downgrade, counted),
    )
