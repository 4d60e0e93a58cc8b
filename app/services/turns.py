"""What happens to one subscription, and its bill: the one way of renewals, changes, pauses and cancellations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain import pausing
from app.domain import subscriptions as rules
from app.domain.contract import Contract, Move, WhilePaused
from app.domain.lines import LineKind
from app.domain.periods import Period
from app.ids import new_id
from app.models import Customer, Subscription
from app.services import metering
from app.services.billing import Biller
from app.services.contracts import ENDED, Plans, plan_id
from app.services.invoice_rows import Bill
from app.services.metering import Reading


@dataclass(frozen=True, slots=True)
class Turn:
    """A subscription `before` and after a move. `metered` is the time whose usage is billed with it, and
    `metered_from` the instant up to which usage of the period has been dealt with (None: none of it)."""

    row: Subscription
    customer: Customer
    before: Contract
    move: Move
    metered: Period | None = None
    metered_from: datetime | None = None

    @property
    def after(self) -> Contract:
        return self.move.contract

    @property
    def reason(self) -> str:
        """Why its invoice is written. Only a `subscription_cycle` opens a period, which is billed once."""
        if self.after.status in ENDED:
            return "subscription_end"
        opens = self.after.period.start >= self.before.period.end
        return "subscription_cycle" if opens else "subscription_change"

    @property
    def is_as_invoiced(self) -> bool:
        """Whether what is billed in advance is what the invoice that opened the period says of what is sold now, and
        need not be kept. After a change for nothing it is not: what was billed is no longer what is sold."""
        if self.reason == "subscription_cycle":
            return True
        remembers = self.row.state is not None and self.row.state["billed"] is not None
        sold = all(each.item in self.after.terms.items for each in self.after.billed)
        return not remembers and sold and self.after.billed == self.before.billed


@dataclass(frozen=True, slots=True)
class Billable:
    """A turn, its bill if there is anything to invoice, and the usage on it."""

    turn: Turn
    bill: Bill | None
    reading: Reading


def resumes_at(contract: Contract) -> datetime | None:
    """When its pause ends, if that comes before the turn of its period; a turn at the same instant comes first."""
    at = contract.pause.resume_at if contract.pause else None
    stands = contract.is_paused(WhilePaused.SKIP) and not contract.cancel_at_period_end
    return at if at and (stands or at < contract.period.end) else None


def next_turn(row: Subscription, customer: Customer, contract: Contract) -> Turn:
    """What time brings next: the end of a pause, or that of the period. Raises what the rules refuse."""
    if at := resumes_at(contract):
        return turn_at(row, customer, contract, pausing.resume(contract, at), at)
    return renewal(row, customer, contract)


def renewal(row: Subscription, customer: Customer, contract: Contract) -> Turn:
    """The turn of its period, with the usage of the one that ends. Raises what the rules refuse."""
    return Turn(row, customer, contract, rules.renew(contract), _metered(row, contract, contract.period.end))


def turn_at(row: Subscription, customer: Customer, before: Contract, move: Move, at: datetime) -> Turn:
    """A move at an instant inside the period. Usage up to it is billed where another plan, or none, measures the rest:
    after a change of plan, at the end, and when a pause begins during which usage is free."""
    after = move.contract
    in_period = after.period == before.period
    if plan_id(before.terms) == plan_id(after.terms) and _is_metered(before) == _is_metered(after):
        return Turn(row, customer, before, move, metered_from=row.metered_from if in_period else None)
    metered_from = at if in_period and at > before.period.start else None
    return Turn(row, customer, before, move, _metered(row, before, at), metered_from)


def _metered(row: Subscription, contract: Contract, until: datetime) -> Period | None:
    """The time up to `until` whose usage has not been billed; None when that costs nothing."""
    start = row.metered_from or contract.period.start
    return Period(start, until) if _is_metered(contract) and start < until else None


def _is_metered(contract: Contract) -> bool:
    """Usage costs nothing in a trial, in a pause that is not billed, and after the end."""
    free = contract.pause and contract.pause.billing is not WhilePaused.BILL
    return not (contract.in_trial or free or contract.status in ENDED)


def readings(turns: Sequence[Turn], plans: Plans, at: datetime | None = None) -> dict[str, Reading]:
    """What was used of each subscription's plan, for all turns at once, and with `at` what was missed before that."""
    return metering.read([(turn.row, plans[turn.row.plan_id], turn.metered) for turn in turns if turn.metered], at)


def billable(biller: Biller, plans: Plans, turn: Turn, reading: Reading | None) -> Billable:
    """A turn with its bill. Raises what the rules of taxes and amounts refuse."""
    read = reading or Reading()
    lines = turn.move.lines
    bill = biller.subscription_bill(
        turn.row, plans, turn.customer, lines, read, reason=turn.reason, period=turn.after.period
    )
    return Billable(turn, bill if bill.lines else None, read)


def identified(found: Billable) -> Billable:
    """A turn inside a period, with ids for the lines that it charges: the contract names them, so that whatever gives
    them back later finds them. What opens a period is found by its invoice."""
    turn, bill = found.turn, found.bill
    if bill is None or turn.is_as_invoiced:
        return found
    charges = [(i, line) for i, line in enumerate(turn.move.lines) if line.kind is not LineKind.PRORATION_CREDIT]
    ids = {i: new_id("ivl") for i, _ in charges}
    refs = {(line.item, line.period): ids[i] for i, line in charges}
    lines = tuple([replace(line, id=ids.get(i)) for i, line in enumerate(bill.lines)])
    billed = [each if each.ref else replace(each, ref=refs[each.item, each.period]) for each in turn.after.billed]
    move = replace(turn.move, contract=replace(turn.after, billed=tuple(billed)))
    return replace(found, turn=replace(turn, move=move), bill=replace(bill, lines=lines))


def issue(biller: Biller, billables: Sequence[Billable]) -> list[str | None]:
    """Issue the bills, and remember the usage on them; gives the ids of the invoices, None where there is none."""
    ids = iter(biller.issue([each.bill for each in billables if each.bill]))
    issued = [next(ids) if each.bill else None for each in billables]
    metering.keep(
        [(each.reading, invoice_id) for each, invoice_id in zip(billables, issued, strict=True)], biller.issue_of.at
    )
    return issued
