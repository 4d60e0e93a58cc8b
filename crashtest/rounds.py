"""The rounds of the crash test: begin, pay, come back, take webhooks, work; and then heal, and compare."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import select

from app import clock
from app.domain.errors import Conflict
from app.gateways.base import Capability
from app.jobs.schedule import run_due
from app.jobs.sweeps import watch_chains
from app.models import Refund
from app.services import charging
from crashtest import acts, dying, payers
from crashtest.books import Differences, compare
from crashtest.dying import Act, Errand, Fate
from crashtest.mailbox import Webhook
from crashtest.town import Town

HANDS = 3  # processes at a time
WORKERS = 4  # a round
POINTS_OF_WORK = 40  # of the many that a worker reaches
FAULT_RATE = 0.25
# What a slow gateway does after our lease is over cannot be known by anybody: that is what the lease is longer for.
KINDS = (
    "rate_limit",
    "error_before",
    "error_after",
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "half",
    "garbage",
)
HEALINGS = 5
ANY = "any"


@dataclass
class Ladder:
    """The points of one kind of work at one gateway, one after the other until a process lives on."""

    point: int

    def climb(self, fate: Fate) -> None:
        """On to the next one, or down again."""
        self.point = self.point + 1 if fate.killed else 1


@dataclass
class CrashTest:
    """`kills` processes are killed; `seed` decides what happens in between."""

    town: Town
    kills: int
    seed: int
    killed: int = 0
    faults: int = 0
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ladders: dict[tuple[str, str], Ladder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._struck: dict[str, int] = {}

    def run(self) -> Differences:
        """Rounds until enough processes are dead, or the books differ."""
        found = Differences()
        while self.killed < self.kills and not found:
            found = self.round()
        return found

    def round(self) -> Differences:
        """Everything once at every gateway."""
        begun = self._beginnings()
        self._break()
        self._let(begun)
        self._let(self._returns())
        self._let_webhooks_in()
        self._let_workers_work()
        self._heal()
        return compare(self.town.books())

    def _beginnings(self) -> list[tuple[str, Act, tuple[Any, ...]]]:
        town = self.town
        found: list[tuple[str, Act, tuple[Any, ...]]] = []
        for gateway in town.gateways:
            if town.can(gateway, Capability.SAVE_METHOD):
                found.append((gateway, acts.collect, (town.debt(gateway), None)))
            if town.can(gateway, Capability.HOSTED):
                found.append((gateway, acts.collect, (town.debt(gateway), town.hosted(gateway))))
            refundable = town.refundable(gateway)
            if refundable:
                found.append((gateway, acts.refund, self.random.choice(refundable)))
        self.random.shuffle(found)
        return found

    def _returns(self) -> list[tuple[str, Act, tuple[Any, ...]]]:
        """Payers finish what they can, and come back."""
        return [
            (gateway, acts.come_back, (payment_id, answer)) for gateway, payment_id, answer in self._let_payers_pay()
        ]

    def _let_payers_pay(self) -> list[tuple[str, str, dict[str, str]]]:
        waiting = [row for row in self.town.waiting_for_payers() if row.next_action]
        todo = [(self.town.gateway_of(row), row.id, row.gateway_ref or "", row.next_action) for row in waiting]
        return [
            (gateway, payment_id, payers.pay(self.town.outsides[gateway], ref, step))
            for gateway, payment_id, ref, step in todo
        ]

    def _let_webhooks_in(self) -> None:
        webhooks = self.town.mailbox.empty()
        self.random.shuffle(webhooks)
        todo = [(_called(webhook), acts.take, (webhook.path, webhook.headers, webhook.body)) for webhook in webhooks]
        for webhook, fate in zip(webhooks, self._let(todo), strict=True):
            if fate.killed or fate.gave >= 300:
                self.town.mailbox.put(webhook)

    def _let_workers_work(self) -> None:
        self.town.let_time_pass()
        todo = [(ANY, acts.work, ())] * WORKERS
        self._let(todo, [self.random.randint(1, POINTS_OF_WORK) for _ in todo])

    def _let(self, todo: Sequence[tuple[str, Act, tuple[Any, ...]]], points: Sequence[int] = ()) -> list[Fate]:
        """Run these, some at a time; each dies at the next point of its ladder, or at the point given."""
        fates: list[Fate] = []
        rest = iter(enumerate(todo))
        while batch := list(islice(rest, HANDS)):
            left = self.kills - self.killed
            errands = [
                Errand(act, words, 0 if n >= left else points[i] if points else self._ladder(gateway, act).point)
                for n, (i, (gateway, act, words)) in enumerate(batch)
            ]
            ended = dying.run(self.town.settings, self.town.lab.tenant_id, errands)
            for (_, (gateway, _act, _words)), errand, fate in zip(batch, errands, ended, strict=True):
                self._count(gateway, errand, fate)
            fates += ended
        return fates

    def _ladder(self, gateway: str, act: Act) -> Ladder:
        return self.ladders.setdefault((gateway, act.__name__), Ladder(self.random.randint(1, 6)))

    def _count(self, gateway: str, errand: Errand, fate: Fate) -> None:
        self.killed += fate.killed
        if fate.killed:
            self.steps[gateway, errand.act.__name__, f"{errand.point}, {fate.step}"] += 1
        if errand.point and gateway != ANY:
            self._ladder(gateway, errand.act).climb(fate)

    def _break(self) -> None:
        for outside in self.town.outsides.values():
            outside.fail(FAULT_RATE, self.random.randrange(2**32), KINDS)

    def _heal(self) -> None:
        """The faults are over, time passes, gateways deliver what was not taken, payers finish or begin anew."""
        self.faults = sum(outside.work_well() for outside in self.town.outsides.values())
        for _ in range(HEALINGS):
            self.town.let_time_pass()
            self._deliver_the_rest()
            watch_chains()
            run_due(clock.now())
            if not self._go_on():
                return

    def _deliver_the_rest(self) -> None:
        for webhook in self.town.mailbox.empty():
            status = acts.take(self.town.lab.app, webhook.path, webhook.headers, webhook.body)
            if status >= 300:
                raise RuntimeError(f"A webhook to {webhook.path} was answered with {status}.")

    def _go_on(self) -> int:
        """People do what is left to them; gives for how much that was."""
        done = 0
        for _gateway, payment_id, answer in self._let_payers_pay():
            charging.resume(payment_id, answer, clock.now())
            done += 1
        for payment in self.town.waiting_for_payers():
            if not payment.next_action:  # its answer was lost, and the gateway does not say it twice
                charging.supersede(payment.invoice_id, clock.now())
                done += 1
        for invoice in self.town.unpaid():
            self._pay_anew(invoice.id, invoice.customer_id)
            done += 1
        for refund in self.town.all(select(Refund).where(Refund.status == "pending")):
            gateway = self.town.gateway_of(refund.payment)
            payers.finish_refund(self.town.outsides[gateway], refund.gateway_ref or "")
            done += 1
        return done

    def _pay_anew(self, invoice_id: str, customer_id: str) -> None:
        town = self.town
        gateway = next(name for name, found in town.customers.items() if found == customer_id)
        by_method = town.can(gateway, Capability.SAVE_METHOD)
        with suppress(Conflict):  # a worker has just begun the same
            charging.collect(invoice_id, clock.now(), hosted=None if by_method else town.hosted(gateway))


def _called(webhook: Webhook) -> str:
    return webhook.path.split("/")[2]
