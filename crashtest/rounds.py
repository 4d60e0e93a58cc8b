"""The rounds of the crash test: begin, pay, come back, take webhooks, work; and then heal, and compare."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import requests
from sqlalchemy import select

from app.extensions import redis_client
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import Refund
from crashtest import acts, dying, payers, servers, staff
from crashtest.acts import Act
from crashtest.books import Differences, compare
from crashtest.dying import FAULT_RATE, KINDS, Doom, Errand, Fate
from crashtest.healing import Healing
from crashtest.mailbox import Webhook
from crashtest.servers import Web
from crashtest.town import Town
from crashtest.visits import can_visit

HANDS = 3  # processes at a time
VISITS = 0.5  # of the acts that the web server is there for go through the real one
FIRST_VISITS = 0.3  # of those that no process has died over yet, at that gateway
POINTS_OF_WORK = 40  # of the many that a worker reaches
POINTS_OF_WEB = 20
REFUSED = 0.2  # of payers, at first
GIVEN_UP = 0.2
SHOWN = 0.5  # of the gateways with pages, before anything breaks
RESERVED = 0.8  # of the gateways that can, in a round
VOIDED = 0.4  # of what is reserved
BY_PAYER = 0.3  # of what is reserved, on the gateway's page
BY_FORM = 0.5  # of payers where the gateway has a form for our page
DISPUTED = 0.3  # of gateways, in a round
ANY = "any"
AGAIN = 503  # the certificate that signed a webhook cannot be fetched


class Deed(NamedTuple):
    """An act to be done, at a gateway."""

    gateway: str
    act: Act
    words: tuple[Any, ...]


@dataclass
class Ladder:
    """The points of one kind of work at one gateway, one after the other until a process lives on."""

    point: int

    def climb(self, fate: Fate) -> None:
        """On to the next one, or down again."""
        self.point = self.point + 1 if fate.killed else 1


@dataclass
class CrashTest:
    """`kills` processes are killed; `seed` decides what happens in between. Of each kind of acts, such as beginnings or
    webhooks, at most `most` are done in a round; so many `workers` do the jobs then, and as many real ones."""

    town: Town
    kills: int
    seed: int
    most: int = 60
    workers: int = 2
    killed: int = 0
    faults: int = 0
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ladders: dict[tuple[str, str], Ladder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.redis = redis_client(self.town.settings.redis_url)
        self._web: Web | None = None
        self._other_faults = 0

    def run(self, tell: Callable[[str], None]) -> Differences:
        """Rounds until enough processes are dead, or the books differ."""
        found = Differences()
        while self.killed < self.kills and not found:
            found = self.round()
            tell(f"{self.killed} kills, {self.faults} faults so far")
        return found

    def round(self) -> Differences:
        """Everything once at every gateway."""
        begun = self._beginnings()
        self._begin_some()
        self._break()
        try:
            self._let(begun)
            self._let(self._returns())
            self._let(self._decisions())
            self._let_banks_dispute()
            self._let(self._payouts())
            self._let_webhooks_in()
            self._let_workers_work()
        finally:
            self._end_web()
        self._heal()
        return compare(self.town.books())

    def _begin_some(self) -> None:
        """Before anything breaks some money is reserved, and some payers are shown a page: what is begun in processes
        that are killed leaves little to be decided, and few to come back."""
        app = self.town.lab.app
        for gateway in self.town.gateways:
            if self.town.can(gateway, Capability.CAPTURE):
                acts.reserve(app, self.town.debt(gateway), None)
            if self.town.can(gateway, Capability.HOSTED) and self.random.random() < SHOWN:
                acts.show(app, self.town.debt(gateway), self.town.hosted(gateway))

    def _beginnings(self) -> Iterator[Deed]:
        """What can be begun at the gateways, in any order. An invoice is made when its turn comes."""
        wishes = [(gateway, wish) for gateway in self.town.gateways for wish in _wishes(gateway)]
        self.random.shuffle(wishes)
        for gateway, begin in wishes:
            yield from begin(self, gateway)

    def _charge(self, gateway: str) -> Iterator[Deed]:
        yield Deed(gateway, acts.charge, (self.town.debt(gateway),))

    def _show(self, gateway: str) -> Iterator[Deed]:
        asset, by_form = self.random.choice(payers.payer_at(gateway).assets), self.random.random() < BY_FORM
        hosted = self.town.hosted(gateway, asset, by_form=by_form and self.town.can(gateway, Capability.FORM))
        yield Deed(gateway, acts.show, (self.town.debt(gateway), hosted))

    def _reserve(self, gateway: str) -> Iterator[Deed]:
        if self.random.random() < RESERVED:
            by_payer = gateway_class(gateway).holds_pages and self.random.random() < BY_PAYER
            hosted = self.town.hosted(gateway) if by_payer else None
            yield Deed(gateway, acts.reserve, (self.town.debt(gateway), hosted))

    def _decisions(self) -> Iterator[Deed]:
        """The staff takes some of what is reserved, and gives the rest up."""
        for payment in self.town.reserved():
            act = acts.void if self.random.random() < VOIDED else acts.capture
            yield Deed(self.town.gateway_of(payment), act, (payment.id,))

    def _send_back(self, gateway: str) -> Iterator[Deed]:
        refundable = self.town.refundable(gateway)
        if refundable:
            yield Deed(gateway, acts.refund, self.random.choice(refundable))

    def _returns(self) -> Iterator[Deed]:
        """Payers finish what they can, or are declined, and come back; some want to pay in another way instead."""
        for payment in self.town.waiting_for_payers():
            gateway, at_random = self.town.gateway_of(payment), self.random.random()
            if at_random < GIVEN_UP:
                yield Deed(gateway, acts.give_up, (payment.invoice_id,))
            elif payment.next_action:
                refuses = at_random < GIVEN_UP + REFUSED
                outside, ref = self.town.outsides[gateway], payment.gateway_ref or ""
                answer = payers.pay(outside, ref, payment.next_action, refuses=refuses)
                if token := payers.given(payment.next_action, answer):
                    yield Deed(gateway, acts.fill_in, (payment.invoice_id, payment.id, token))
                else:
                    yield Deed(gateway, acts.come_back, (payment.id, answer))

    def _let_banks_dispute(self) -> None:
        for gateway in self.town.gateways:
            payments = self.town.disputable(gateway)
            if payments and self.random.random() < DISPUTED:
                self.town.dispute(gateway, self.random.choice(payments))

    def _payouts(self) -> list[Deed]:
        waiting = self.town.all(select(Refund).where(Refund.next_step["kind"].as_string() == "payout"))
        return [
            Deed(self.town.gateway_of(row.payment), acts.tell_payout, (row.id, staff.send(self.town, row)))
            for row in waiting
        ]

    def _let_webhooks_in(self) -> None:
        webhooks = self.town.mailbox.empty()
        self.random.shuffle(webhooks)
        todo = [Deed(_called(one), acts.take, (one.path, one.headers, one.body)) for one in webhooks]
        for webhook, fate in zip(webhooks, self._let(todo), strict=False):
            if fate.killed or fate.gave >= 300:
                self.town.mailbox.put(webhook)
        self.town.mailbox.put(*webhooks[self.most :])

    def _let_workers_work(self) -> None:
        self.town.let_time_pass()
        for _ in range(self.workers):
            errand = self._errand(Deed(ANY, acts.work, ()), 0, self._point_of_work())
            [fate] = dying.run(self.town.settings, self.town.lab.tenant_id, [errand])
            self._count(ANY, "work", fate)
            fate = servers.work(self.town.lab.variables, self.redis, self._doom(self._point_of_work()))
            self._count(ANY, "quittance worker", fate)

    def _point_of_work(self) -> int:
        return self.random.randint(1, POINTS_OF_WORK)

    def _let(self, todo: Sequence[Deed] | Iterator[Deed]) -> list[Fate]:
        """Do these, or `most` of them: some through the real web server, the others in processes of their own, a few at
        a time, each of which dies at the next point of its ladder."""
        deeds = list(islice(todo, self.most))
        visits = [n for n, deed in enumerate(deeds) if can_visit(deed.act) and self._is_visited(deed)]
        fates = {n: self._visit(deeds[n]) for n in visits}
        rest = iter([n for n in range(len(deeds)) if n not in fates])
        while batch := list(islice(rest, HANDS)):
            errands = [self._errand(deeds[n], place, self._ladder(deeds[n]).point) for place, n in enumerate(batch)]
            ended = dying.run(self.town.settings, self.town.lab.tenant_id, errands)
            for n, errand, fate in zip(batch, errands, ended, strict=True):
                self._count(deeds[n].gateway, deeds[n].act.__name__, fate)
                if errand.doom.point:
                    self._ladder(deeds[n]).climb(fate)
            fates |= dict(zip(batch, ended, strict=True))
        return [fates[n] for n in range(len(deeds))]

    def _is_visited(self, deed: Deed) -> bool:
        died = any((gateway, act) == (deed.gateway, deed.act.__name__) for gateway, act, _ in self.steps)
        return self.random.random() < (VISITS if died else FIRST_VISITS)

    def _visit(self, deed: Deed) -> Fate:
        """Do an act through the real web server. If that dies over it, it is started again, and asked again."""
        for _ in range(2):
            web = self._web = self._web or self._started()
            try:
                status = self.town.visitor.visit(web.url, deed.act, deed.words)
            except requests.RequestException:
                self._end_web()
                continue
            if status >= 500 and status != AGAIN:
                raise RuntimeError(f"The web server answered {deed} with {status}.")
            return Fate(False, gave=status)
        return Fate(True)

    def _started(self) -> Web:
        return Web(self.town.lab.variables, self._doom(self.random.randint(1, POINTS_OF_WEB)))

    def _end_web(self) -> None:
        if self._web:
            self._count(ANY, "quittance web", self._web.stop())
            self._web = None

    def _errand(self, deed: Deed, place: int, point: int) -> Errand:
        """`place` of those that run at the same time are still to be counted."""
        return Errand(deed.act, deed.words, self._doom(point, place))

    def _doom(self, point: int, place: int = 0) -> Doom:
        """Nobody dies any more once enough have died, the web server counted that may die any moment."""
        sure = self.killed + place + bool(self._web)
        return Doom(point if sure < self.kills else 0, self._seed())

    def _seed(self) -> int:
        return self.random.randrange(2**32)

    def _ladder(self, deed: Deed) -> Ladder:
        return self.ladders.setdefault((deed.gateway, deed.act.__name__), Ladder(self.random.randint(1, 6)))

    def _count(self, gateway: str, what: str, fate: Fate) -> None:
        self.killed += fate.killed
        self._other_faults += fate.faults
        if fate.killed:
            self.steps[gateway, what, fate.step] += 1

    def _break(self) -> None:
        for outside in self.town.outsides.values():
            outside.fail(FAULT_RATE, self._seed(), KINDS)

    def _heal(self) -> None:
        self.faults = self._other_faults + sum(outside.work_well() for outside in self.town.outsides.values())
        Healing(self.town).run()


def _wishes(gateway: str) -> list[Callable[[CrashTest, str], Iterator[Deed]]]:
    """What a gateway's customers and staff want in a round, most of it twice."""
    can = gateway_class(gateway).capabilities
    return [wish for capability, wishes in _WISHES.items() if capability in can for wish in wishes]


_WISHES: Mapping[Capability, Sequence[Callable[[CrashTest, str], Iterator[Deed]]]] = {
    Capability.SAVE_METHOD: (CrashTest._charge, CrashTest._charge),
    Capability.HOSTED: (CrashTest._show, CrashTest._show),
    Capability.CAPTURE: (CrashTest._reserve,),
    Capability.REFUND: (CrashTest._send_back,),
}


def _called(webhook: Webhook) -> str:
    return webhook.path.split("/")[2]
