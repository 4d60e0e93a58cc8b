"""When the faults are over: time passes, gateways deliver what was not taken, jobs run, and people do their part."""

from dataclasses import dataclass

from sqlalchemy import select

from app import clock
from app.domain.errors import Conflict
from app.gateways.base import Capability
from app.jobs.schedule import run_due
from app.jobs.sweeps import watch_chains
from app.models import Refund
from app.services import attesting, charging
from crashtest import acts, payers, staff
from crashtest.town import Town

ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Healing:
    """What is left of a round comes to its end."""

    town: Town

    def run(self) -> None:
        """Until nobody has anything left to do."""
        for _ in range(ROUNDS):
            self.town.let_time_pass()
            self._deliver_the_rest()
            watch_chains()
            run_due(clock.now())
            if not self._go_on():
                return

    def _deliver_the_rest(self) -> None:
        """What has grown too old for its signature is lost."""
        for webhook in self.town.mailbox.empty():
            status = acts.take(self.town.lab.app, webhook.path, webhook.headers, webhook.body)
            if status >= 300 and webhook.is_fresh:
                raise RuntimeError(f"A webhook to {webhook.path} was answered with {status}.")

    def _go_on(self) -> int:
        """People do what is left to them; gives for how much that was."""
        return (
            self._payers_pay()
            + self._payers_begin_anew()
            + self._staff_looks()
            + self._staff_captures()
            + self._staff_finishes_refunds()
        )

    def _payers_pay(self) -> int:
        """What was shown to them, they pay. Whose answer was lost, and is not told twice, is closed for them."""
        waiting = [(row.id, row.invoice_id, row.next_action) for row in self.town.waiting_for_payers()]
        for payment_id, invoice_id, step in waiting:
            if step:
                payment = next(row for row in self.town.waiting_for_payers() if row.id == payment_id)
                outside = self.town.outsides[self.town.gateway_of(payment)]
                answer = payers.pay(outside, payment.gateway_ref or "", step)
                if token := payers.given(step, answer):
                    charging.finish(payment_id, token, clock.now())
                else:
                    charging.resume(payment_id, answer, clock.now())
            else:
                charging.supersede(invoice_id, clock.now())
        return len(waiting)

    def _payers_begin_anew(self) -> int:
        unpaid = [(row.id, row.customer_id) for row in self.town.unpaid()]
        for invoice_id, customer_id in unpaid:
            gateway = next(name for name, found in self.town.customers.items() if found == customer_id)
            by_method = self.town.can(gateway, Capability.SAVE_METHOD)
            hosted = None if by_method else self.town.hosted(gateway)
            try:
                charging.collect(invoice_id, clock.now(), hosted=hosted)
            except Conflict as refusal:
                self.town.refused[invoice_id] = f", {refusal.code}"
        return len(unpaid)

    def _staff_captures(self) -> int:
        """What cannot be captured, because the webhook that names it was lost, they give up."""
        reserved = [row.id for row in self.town.reserved()]
        for payment_id in reserved:
            asked = charging.capture(payment_id, clock.now())
            if asked.status == "authorized" and asked.decided is None:
                charging.void(payment_id, clock.now())
        return len(reserved)

    def _staff_looks(self) -> int:
        """What they see at the gateway of a capture or a void whose webhook was lost, they say."""
        untold = self.town.untold()
        for payment in untold:
            made = self.town.taken(payment).minor > 0
            attesting.attest_payment(payment.id, clock.now(), made=made, note="It is on the gateway's dashboard.")
        return len(untold)

    def _staff_finishes_refunds(self) -> int:
        waiting = self.town.all(select(Refund).where(Refund.status.in_(("pending", "unknown"))))
        for refund in waiting:
            staff.finish(self.town, refund)
        return len(waiting)
