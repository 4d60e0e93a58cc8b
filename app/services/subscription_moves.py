"""What somebody does to one subscription: reckoned first, then carried out as reckoned.

A preview stops after the first half, and what is charged is what it said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from app.db import session
from app.domain.contract import Contract, Move
from app.domain.lines import LineKind
from app.models import Customer, InvoiceLine, Plan, Subscription
from app.queries.base import get
from app.services import history
from app.services.billed_time import with_billed
from app.services.billing import Biller
from app.services.contracts import ENDED, contract_of, plans_of, standing
from app.services.turns import Billable, Turn, billable, issue, readings, turn_at

Rule = Callable[[Contract], Move]


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A move of one subscription at `as_of`, and its bill as it will be issued by this `biller`."""

    biller: Biller
    as_of: datetime
    billable: Billable

    @property
    def turn(self) -> Turn:
        return self.billable.turn


def reckon(row: Subscription, rule: Rule, as_of: datetime, at: datetime, plans: Iterable[Plan] = ()) -> Reckoned:
    """What a rule makes of a subscription at the instant `as_of`, invoiced at `at`; nothing is written.

    `plans` are those that the rule may put it on. Raises what the rule refuses.
    """
    known = plans_of([row], plans)
    [contract] = with_billed([(row, contract_of(row, known))])
    turn = turn_at(row, get(Customer, row.customer_id), contract, rule(contract), as_of)
    biller = Biller(at)
    return Reckoned(biller, as_of, billable(biller, known, turn, readings([turn], known).get(row.id)))


def carry_out(reckoned: Reckoned, why: str) -> str | None:
    """Write what was reckoned, and issue its invoice; gives the id of that, or None. The row is locked by the caller.

    An end is left to `subscription_status.end`, which it takes a reason for.
    """
    turn = reckoned.turn
    [invoice_id] = issue(reckoned.biller, [reckoned.billable])
    if turn.after.status in ENDED:
        return invoice_id
    after = _on_invoice(turn.move, invoice_id) if invoice_id else turn.after
    for name, value in standing(after, as_invoiced=turn.is_as_invoiced).items():
        setattr(turn.row, name, value)
    turn.row.metered_from = turn.metered_from
    if turn.row.parked_reason and not after.cancel_at_period_end:
        turn.row.next_billing_at = None
    history.move(turn.row, after.status, reckoned.biller.issue_of.at, why)
    return invoice_id


def _on_invoice(move: Move, invoice_id: str) -> Contract:
    """The contract once it knows on which lines it was billed. What they say is read when it is needed."""
    query = select(InvoiceLine.id).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
    ids = session().scalars(query.limit(len(move.lines))).all()
    pairs = zip(move.lines, ids, strict=True)
    refs = {(line.item, line.period): ref for line, ref in pairs if line.kind is not LineKind.PRORATION_CREDIT}
    billed = [each if each.ref else replace(each, ref=refs[each.item, each.period]) for each in move.contract.billed]
    return replace(move.contract, billed=tuple(billed))
