"""The life of a subscription before it is lived: the rules that renew and change real ones, in a loop.

Nothing here computes money. A turn comes before an event at the same instant, which therefore finds the new period.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.changes import owed_until
from app.domain.contract import Contract, Move
from app.domain.errors import InvalidInput
from app.domain.forecast import Forecast, ForecastInvoice, ForecastPeriod, ForecastStatus
from app.domain.lifecycle import is_final
from app.domain.lines import Line, LineKind
from app.domain.money import Money, sum_money
from app.domain.periods import Period
from app.domain.scenario import MAX_PERIODS, Scenario
from app.domain.subscription_invoices import subscription_totals
from app.domain.subscriptions import renew, start
from app.domain.zones import instant


def simulate(scenario: Scenario) -> Forecast:
    """The periods, invoices and statuses of a subscription as they will come about if its invoices are paid.

    A trial is a status and not a paid period. Raises what the real start, change or cancellation would raise, and
    InvalidInput (`too_many_periods`) beyond 1000 periods.
    """
    begin = instant(scenario.start_at)
    opened = start(scenario.terms, begin, scenario.timezone, scenario.anchor, scenario.trial_days)
    run = _Run(scenario, opened, begin)
    for event in scenario.events:
        at = instant(event.at)
        run.turn_until(at)
        run.record(event.apply(run.contract), at)
    run.turn_until(None)
    return run.forecast()


class _Run:
    """One way through a scenario: the contract as it stands, and what has come about so far."""

    def __init__(self, scenario: Scenario, opened: Move, at: datetime) -> None:
        self.scenario = scenario
        self.contract = opened.contract
        self.periods: list[ForecastPeriod] = []
        self.invoices: list[ForecastInvoice] = []
        self.statuses: list[ForecastStatus] = []
        self.record(opened, at)

    def turn_until(self, limit: datetime | None) -> None:
        """Renew up to and including the instant `limit`, or to the end of the scenario."""
        while self._turns_by(limit):
            self.record(renew(self.contract), self.contract.period.end)

    def record(self, move: Move, at: datetime) -> None:
        """Take down what a move brings: its invoice, its period, its status."""
        self.contract = self._issued(move, at)
        self._count(move.lines)
        if self._ended:
            self._cut(at)
        if not self.statuses or self.statuses[-1].status != self.contract.status:
            self.statuses.append(ForecastStatus(at, self.contract.status))

    def forecast(self) -> Forecast:
        """Everything so far, with what the last period owes in arrears; after the last cycle that is invoiced too."""
        contract, turn = self.contract, self.contract.period.end
        owed = () if self._ended else owed_until(contract, turn, contract.terms.proration.counted)
        self._count(owed)
        invoiced = owed if self._is_last_cycle else ()
        self._issued(Move(contract, invoiced), turn)
        following = None if self._ended else _next_invoice(contract, len(invoiced))
        return Forecast(tuple(self.periods), tuple(self.invoices), tuple(self.statuses), following)

    @property
    def _ended(self) -> bool:
        return is_final("subscription", self.contract.status)

    @property
    def _is_last_cycle(self) -> bool:
        last = self.scenario.last_cycle
        return last is not None and len(self.periods) >= last

    def _turns_by(self, limit: datetime | None) -> bool:
        turn, until = self.contract.period.end, self.scenario.until
        if self._ended or (limit and turn > limit) or (until and turn >= until):
            return False
        return self.contract.cancel_at_period_end or not self._is_last_cycle

    def _issued(self, move: Move, at: datetime) -> Contract:
        """The contract once the lines are invoiced, which tells it the discounts it may not give back."""
        if not move.lines:
            return move.contract
        totals = subscription_totals(
            move.lines,
            move.contract.terms.currency,
            at,
            self.scenario.treatment,
            inclusive=self.scenario.inclusive,
            discounts=self.scenario.discounts,
            tax_rounding=self.scenario.tax_rounding,
        )
        self.invoices.append(ForecastInvoice(at, move.lines, totals))
        return move.discounted([line.discount for line in totals.lines])

    def _count(self, lines: Sequence[Line]) -> None:
        """Count lines to the periods they are for, and open the contract's period if it is a new one."""
        current = self.contract.period
        is_new = not self.periods or self.periods[-1].period != current
        if self._ended or not is_new:
            self._add(lines)
        elif not self.contract.in_trial:
            self._add([line for line in lines if _is_before(line, current)])
            self._open(current)
            self._add([line for line in lines if not _is_before(line, current)])

    def _add(self, lines: Sequence[Line]) -> None:
        if lines:
            last = self.periods[-1]
            amount = sum_money([line.amount for line in lines], last.amount.currency)
            self.periods[-1] = replace(last, amount=last.amount + amount)

    def _open(self, period: Period) -> None:
        """Begin a period; one that a change of interval breaks off ends where the new one starts."""
        opened = ForecastPeriod(period, Money(0, self.contract.terms.currency))
        if self.periods and self.periods[-1].period.start == period.start:
            opened = replace(self.periods.pop(), period=period)
        self._cut(period.start)
        self.periods.append(opened)
        if len(self.periods) > MAX_PERIODS:
            raise InvalidInput(
                f"That would be more than {MAX_PERIODS} periods: choose an earlier until.",
                code="too_many_periods",
                field="until",
            )

    def _cut(self, at: datetime) -> None:
        """End the last period at `at` if it would go on."""
        if self.periods and self.periods[-1].period.start < at < self.periods[-1].period.end:
            last = self.periods[-1]
            self.periods[-1] = replace(last, period=Period(last.period.start, at))


def _is_before(line: Line, period: Period) -> bool:
    """Whether a line is for the time before a new period: owed for it in arrears, or given back at its start."""
    return line.kind is LineKind.PRORATION_CREDIT or line.period.start < period.start


def _next_invoice(contract: Contract, invoiced: int) -> datetime | None:
    """When the next invoice comes: at the next turn if it brings more lines than are `invoiced`, else a turn later."""
    turned = renew(contract)
    if len(turned.lines) > invoiced:
        return contract.period.end
    return None if is_final("subscription", turned.contract.status) else turned.contract.period.end
