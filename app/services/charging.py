"""Claim, call, record: the only service that opens transactions of its own, because no gateway is called inside one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.db import transaction
from app.domain.errors import Conflict
from app.domain.fraud import Verdict
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability, Gateway
from app.gateways.errors import GatewayUnavailable
from app.gateways.types import PaymentRef, PaymentRequest, PaymentResult, PaymentStatus
from app.ids import made_at
from app.models import GatewayAccount, Invoice, Payment
from app.models.payments import OPEN_STATUSES
from app.queries.base import get
from app.queries.deposits import quote_of
from app.queries.payments import is_overdue, open_payment
from app.services import breakers, gateway_accounts, pay_links, payments, refusals, reservations, screening, ways
from app.services.asking import ask_at
from app.services.bulk import together
from app.services.history import audit
from app.services.outcomes import GivenUp, NoAnswer, NotExecuted, call
from app.services.payment_methods import payer_of
from app.services.screening import Held
from app.services.ways import Hosted

GIVEN_UP_AFTER = timedelta(days=1)  # a payer who has not approved by then will not
_LOST = NotExecuted("The gateway never received this payment.", lost=True)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt that is written down, and what its call needs. While the rows are at hand, the record reads none of
    them again but those it locks."""

    payment: Payment
    invoice: Invoice
    account: GatewayAccount
    gateway: Gateway
    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class Wish:
    """What an attempt is to be: see `collect`."""

    method_id: str | None
    hosted: Hosted | None
    off_session: bool
    return_url: str
    amount: Money | None
    manual_capture: bool

    @property
    def leaves_choice(self) -> bool:
        """Whether it is for us to say what is charged: nobody chose, and nobody is there."""
        return self.off_session and not self.method_id and not self.hosted


def collect(
    invoice_id: str,
    at: datetime,
    *,
    method_id: str | None = None,
    hosted: Hosted | None = None,
    off_session: bool = True,
    only_if_due: bool = False,
    return_url: str = "",
    amount: Money | None = None,
    manual_capture: bool = False,
) -> Payment:
    """Try to collect an invoice once. A second caller at the same time gets Conflict (`payment_in_progress`).

    Where it is left to us what to charge, another of the customer's methods stands in for one whose gateway cannot be
    reached, and for one that was refused if a routing rule says so; the last attempt is given.

    `off_session`: nobody is there to answer the bank's questions. With a payer present, `return_url` is where they are
    sent in the end: the gateway sends them to us, because some take the money only when we have heard of that.
    `method_id` or `hosted`: see `ways`. `only_if_due`, `amount`, `manual_capture`: see `payments.lock_payable` and
    `payments.claim`.
    """
    wish = Wish(method_id, hosted, off_session, return_url, amount, manual_capture)
    payment = _attempt(invoice_id, at, wish, only_if_due=only_if_due)
    tried = [payment.payment_method_id]
    while (other := _stand_in(payment, tried)) if wish.leaves_choice else None:
        try:
            payment = _attempt(invoice_id, at, replace(wish, method_id=other), only_if_due=False)
        except Conflict:
            break
        tried.append(other)
    return payment


def finish(payment_id: str, token: str, at: datetime) -> Payment:
    """The payer filled in the gateway's form on our page, which gave this one-time token: charge that, once.

    The key stays the attempt's own, so whatever comes after a first token is never a second charge. Raises Conflict for
    an attempt that waits for no form (any more).
    """
    with transaction():
        payment = payments.send(payment_id, at)
        request = replace(_request(payment), token=token)
        account = payment.account
        claimed = Claimed(payment, payment.invoice, account, gateway_accounts.connect(account), request)
    return _charge(claimed, at)


def capture(payment_id: str, at: datetime, *, part: Money | None = None) -> Payment:
    """Take what is authorized: all of it, or a part, and then the rest is let go and stays due.

    A gateway that says later how it went leaves the payment `pending`. Where it gives no answer the payment stays
    `authorized`, and the job asks again, under the same key. Raises as `reservations.decide`.
    """
    return _end(payment_id, "capture", at, part)


def void(payment_id: str, at: datetime) -> Payment:
    """Give up what is authorized; otherwise as `capture`."""
    return _end(payment_id, "void", at)


def resume(payment_id: str, answer: Mapping[str, str], at: datetime) -> Payment:
    """The payer came back from the gateway's page: ask how it went, and record it."""
    payment = get(Payment, payment_id)
    account, ref = payment.account, _ref(payment)
    gateway = gateway_accounts.connect(account)
    if Capability.RESUME not in gateway.capabilities or payment.is_unsent:
        return check(payment_id, at)
    outcome = ask_at(account, lambda: gateway.resume_payment(ref, answer), now_or_never=True)
    with transaction():
        return payments.record(payment_id, outcome, at)


def check(payment_id: str, at: datetime) -> Payment:
    """Ask the gateway about an attempt by our key, and give up one that its payer has left alone for a day.

    An attempt it does not know was surely not executed once its answer is overdue; before, it may be on its way.
    """
    payment = get(Payment, payment_id)
    return settle(payment, look_up(payment), at)


def settle(payment: Payment, found: PaymentResult | NoAnswer | None, at: datetime) -> Payment:
    """Record what `look_up` gave, as `check` says."""
    if payment.is_unsent:
        return _wait_for_form(payment, at)
    lapsed = reservations.has_lapsed(payment, at)
    if not lapsed and reservations.must_carry_out(payment, found):
        return _carry_out(payment, at)
    if not lapsed and reservations.is_over(payment, found, at):
        return void(payment.id, at)
    outcome: PaymentResult | NoAnswer | GivenUp | None = GivenUp() if lapsed else found
    if outcome is None and not is_overdue("checks", payment.id, at):
        return payment
    if isinstance(outcome, PaymentResult) and is_given_up(payment, outcome, at):
        outcome = _give_up(payment)
    with transaction():
        return payments.record(payment.id, outcome or _LOST, at)


def heard(payment_id: str, result: PaymentResult, at: datetime) -> None:
    """A notice of a gateway that cannot be asked brings how an attempt stands: record that."""
    with transaction():
        if not reservations.is_rest(get(Payment, payment_id, lock=True), result):
            payments.record(payment_id, result, at)


def told(payment_id: str, gateway_ref: str | None, at: datetime) -> bool:
    """A notice says that something happened to an attempt: ask how it stands, and record that. False when the gateway
    does not know it (yet).

    `gateway_ref` is what the notice calls the attempt, if we do not know that yet. Raises GatewayUnavailable when there
    is no answer: then nothing is recorded, and the notice has to be followed again.
    """
    payment = get(Payment, payment_id)
    account = payment.account
    ref = replace(_ref(payment), gateway_ref=payment.gateway_ref or gateway_ref)
    found = ask_at(account, lambda: gateway_accounts.connect(account).fetch_payment(ref))
    if isinstance(found, NoAnswer):
        raise GatewayUnavailable(found.message)
    if found is None:
        return False
    with transaction():
        payments.record(payment_id, found, at)
    return True


def accept_amount(payment_id: str, at: datetime) -> Payment:
    """Somebody has looked at an attempt whose amount was refused: book what the gateway says came, in the payment's
    currency. Raises Conflict when the gateway says nothing of the kind."""
    payment = get(Payment, payment_id)
    account, ref = payment.account, _ref(payment)
    found = ask_at(account, lambda: gateway_accounts.connect(account).fetch_payment(ref))
    if not isinstance(found, PaymentResult) or (found.amount and found.amount.currency != payment.currency):
        raise Conflict("The gateway tells no amount that could be booked.", code="amount_not_bookable")
    with transaction():
        audit("payment.accept_amount", payment_id, at, amount=str(found.amount))
        return payments.record(payment_id, found, at, any_amount=True)


def look(payment_id: str, at: datetime) -> Payment:
    """Ask about an open attempt because its payer is waiting, and write down only what is news.

    No news leaves the attempt as it is, together with the plan of when it is checked next. On a chain the news of all
    payers come together (services/deposits.py), so there nobody is asked.
    """
    payment = get(Payment, payment_id)
    watched = Capability.WATCH in gateway_class(payment.account.gateway).capabilities
    if payment.status not in OPEN_STATUSES or watched:
        return payment
    found = look_up(payment)
    if not isinstance(found, PaymentResult) or found.status == payment.status:
        return payment
    with transaction():
        return payments.record(payment_id, found, at)


def supersede(invoice_id: str, at: datetime) -> None:
    """Close an attempt that waits for the payer, so that another way to pay can be opened.

    Money that comes of it all the same is noticed and is the customer's. Raises Conflict when it cannot be closed any
    more: the money may be on its way.
    """
    payment = open_payment(invoice_id)
    if payment is None:
        return
    if payment.status != "requires_action":
        raise Conflict("A payment of this invoice is under way already.", code="payment_in_progress")
    if payment.is_unsent:
        with transaction():
            payments.withdraw(payment.id, at)
        return
    outcome = _give_up(payment)
    with transaction():
        payments.record(payment.id, outcome, at)


def _attempt(invoice_id: str, at: datetime, wish: Wish, *, only_if_due: bool) -> Payment:
    with refusals.told("payment.refuse", invoice_id, at, method=wish.method_id), transaction(), together():
        claimed = _claim(invoice_id, at, wish, only_if_due=only_if_due)
    if isinstance(claimed, tuple):
        raise Conflict(claimed[1], code=claimed[0])
    return _charge(claimed, at)


def _claim(invoice_id: str, at: datetime, wish: Wish, *, only_if_due: bool) -> Claimed | Held:
    """Step one, unless the attempt is held. What cannot be claimed anyway is no suspect."""
    invoice = payments.lock_payable(invoice_id, at, only_if_due=only_if_due)
    way = ways.by_payer(invoice, wish.hosted) if wish.hosted else ways.by_method(invoice, wish.method_id)
    off_session = wish.off_session and not wish.hosted
    verdict = screening.screen(invoice, way.method, at, off_session=off_session)
    if isinstance(verdict, tuple):
        return verdict
    payment = payments.claim(
        invoice,
        way,
        at,
        off_session=off_session,
        amount=wish.amount,
        return_url=wish.return_url,
        challenge=verdict is Verdict.CHALLENGE,
        manual_capture=wish.manual_capture,
    )
    return Claimed(payment, invoice, way.account, gateway_accounts.connect(way.account), _request(payment))


def _charge(claimed: Claimed, at: datetime) -> Payment:
    """Steps two and three for an attempt that is claimed."""
    outcome = call(lambda: claimed.gateway.create_payment(claimed.request))
    with transaction():
        breakers.note(claimed.account.id, outcome)
        return payments.record(claimed.payment.id, outcome, at)


def _stand_in(payment: Payment, tried: Sequence[str | None]) -> str | None:
    """The method to try next. Only what surely took no money is stood in for: an outage, or a refusal where the rules
    say so. Of an attempt without an answer nobody knows that."""
    if payment.status != "failed" or payment.decline_code == "gateway_refused" or payment.payment_method is None:
        return None
    declined = payment.decline_code != "gateway_unavailable"
    avoiding = [method_id for method_id in tried if method_id]
    others = ways.stand_ins(payment.invoice, payment.payment_method, avoiding, declined=declined)
    return next((one.id for one in others), None)


def close_open_attempt(invoice_id: str, at: datetime) -> None:
    """The invoice is paid: take back an attempt that still waits for its payer, so that nobody pays twice.

    One that cannot be taken back any more is left to come in, and is kept as the customer's credit.
    """
    payment = open_payment(invoice_id)
    with suppress(Conflict):
        if payment and payment.status == "authorized":
            void(payment.id, at)
        else:
            supersede(invoice_id, at)


def _request(payment: Payment) -> PaymentRequest:
    """The payment as it was asked for, the same whenever it is asked: gateways compare what comes with the same key."""
    invoice, method = payment.invoice, payment.payment_method if payment.payment_method_id else None
    return PaymentRequest(
        key=payment.id,
        amount=payment.amount,
        payer=payer_of(invoice.customer),
        token=method.token if method else None,
        off_session=payment.off_session,
        save_method=payment.keep_method,
        capture=not payment.manual_capture,
        description=f"{invoice.seller.get('name', '')} {invoice.number}".strip(),
        reference=invoice.number or invoice.id,
        return_url=pay_links.return_address(payment, payment.started_at),
        phone=payment.phone or "",
        challenge=payment.challenge,
        choice=payment.choice,
        number=payment.number,
        by_form=payment.by_form,
    )


def _ref(payment: Payment) -> PaymentRef:
    watched = Capability.WATCH in gateway_class(payment.account.gateway).capabilities
    price = quote_of(payment.id) if watched else None
    return PaymentRef(
        payment.id, payment.gateway_ref, made_at(payment.id), _request(payment), price.quote if price else None
    )


def look_up(payment: Payment) -> PaymentResult | NoAnswer | None:
    """How it stands at the gateway; None when it surely knows no such payment."""
    if payment.is_unsent:
        return PaymentResult(PaymentStatus.REQUIRES_ACTION)
    account, ref = payment.account, _ref(payment)
    return reservations.heard(payment, ask_at(account, lambda: gateway_accounts.connect(account).fetch_payment(ref)))


def _wait_for_form(payment: Payment, at: datetime) -> Payment:
    """Its gateway knows nothing of it, so whether it is given up is for us to say. Sent meanwhile, it is left alone."""
    with transaction(), suppress(Conflict):
        if payment.started_at + GIVEN_UP_AFTER <= at:
            return payments.withdraw(payment.id, at)
        payments.put_off(payment.id, at)
    return payment


def is_given_up(payment: Payment, found: PaymentResult, at: datetime) -> bool:
    """Whether its payer has left it alone for so long that they will not come back."""
    return found.status is PaymentStatus.REQUIRES_ACTION and payment.started_at + GIVEN_UP_AFTER <= at


def _end(payment_id: str, verb: reservations.Verb, at: datetime, part: Money | None = None) -> Payment:
    with transaction():
        payment = reservations.decide(payment_id, verb, at, part=part)
    return _carry_out(payment, at) if payment.status == "authorized" else payment


def _carry_out(payment: Payment, at: datetime) -> Payment:
    """Steps two and three for an authorization whose end is decided."""
    account, ref = payment.account, _ref(payment)
    gateway = gateway_accounts.connect(account)
    part = payment.captured if payment.capture_minor else None
    outcome = call(lambda: gateway.void(ref) if payment.decided == "void" else gateway.capture(ref, part))
    with transaction():
        breakers.note(account.id, outcome)
        if isinstance(outcome, NotExecuted):
            reservations.undecide(payment.id)
        return payments.record(payment.id, outcome, at)


def _give_up(payment: Payment) -> PaymentResult | NoAnswer | GivenUp:
    """What became of it when we gave it up. Where a gateway cannot take it back it may have been paid meanwhile."""
    account, ref = payment.account, _ref(payment)
    if Capability.VOID in gateway_class(account.gateway).capabilities:
        return ask_at(account, lambda: gateway_accounts.connect(account).void(ref))
    found = look_up(payment)
    waits = isinstance(found, PaymentResult) and found.status is PaymentStatus.REQUIRES_ACTION
    return GivenUp() if found is None or waits else found
