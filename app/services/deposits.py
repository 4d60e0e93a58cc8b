"""Money on chains: looked for at all watched addresses of an account at once, and weighed payment by payment.

Nobody tells us of it, so this stands where webhooks do elsewhere. What is found is written down first (detected,
confirmed, reorged); then each payment that it is about is judged by all that came to its address, and the result goes
through the one door, `payments.record`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.db import session, transaction
from app.domain.declines import DECLINES
from app.domain.errors import Conflict
from app.domain.money import Money
from app.domain.quotes import Asset, Rate, Tip, Transfer, is_timely
from app.gateways.base import Gateway
from app.gateways.types import PaymentResult, PaymentStatus, Sightings, Watch
from app.logs import logger
from app.models import ChainCursor, Deposit, GatewayAccount, Payment, PaymentQuote
from app.models.payments import OPEN_STATUSES
from app.queries.base import get
from app.queries.deposits import (
    STANDING,
    closed_by,
    cursor_of,
    deposits_of,
    quote_of,
    undecided,
    unsettled,
    watched_accounts,
    watched_quotes,
)
from app.services import gateway_accounts, payments
from app.services.asking import ask_at
from app.services.batches import each
from app.services.events import emit
from app.services.history import audit, move
from app.services.next_actions import as_json
from app.services.outcomes import NoAnswer, ask

Verdict = tuple[str, Rate | None]
COIN = ""
TOLD: Mapping[str, str] = {"review": "to_review", "foreign": "foreign"}

log = logger(__name__)


def watch_due(at: datetime) -> int:
    """Look for money at every watched address of the tenant in scope; gives how many payments there was news of."""
    found: list[str] = []
    each(watched_accounts(), lambda account_id: found.extend(watch(account_id, at)), lambda _account_id: None)
    return len(found)


def watch(account_id: str, at: datetime) -> set[str]:
    """Read an account's chain on from where it was left; gives the payments that there was news of."""
    account = get(GatewayAccount, account_id)
    gateway = gateway_accounts.connect(account)
    quotes = watched_quotes(account_id)
    if not quotes:
        return set()
    cursor = cursor_of(account_id)
    known = (cursor.last_block, cursor.last_hash) if cursor else (min(row.from_block for row in quotes) - 1, "")
    addresses = [row.address for row in quotes]
    looked_for = Watch(addresses, addresses if gateway.accepted(COIN) else [], max(0, known[0]), known[1])
    found = ask_at(account, lambda: gateway.watch(looked_for))
    if isinstance(found, NoAnswer):
        log.warning("a chain could not be read", account=account_id, why=found.message)
        return set()
    with transaction():
        news = _take_in(account_id, quotes, found, known, at)
    news |= _decide(account_id, gateway, at)
    for payment_id in sorted(news):
        weigh(payment_id, gateway, found.tip, at)
    return news


def weigh(payment_id: str, gateway: Gateway, tip: Tip, at: datetime) -> None:
    """Judge a payment by all that came to its address, and record what is news of it."""
    with transaction():
        payment = get(Payment, payment_id, lock=True)
        quote = quote_of(payment_id)
        if quote is None:
            return
        rows = [row for row in deposits_of(payment_id) if row.status in STANDING]
        judged = _with_credited(gateway.judge(quote.quote, [row.transfer for row in rows], tip), rows)
        news = _news(payment, judged)
        if news:
            payments.record(payment_id, news, at)


def credit(deposit_id: str, at: datetime) -> Deposit:
    """A person has decided: the deposit is worth what it costs now, and becomes the customer's balance.

    Raises Conflict when there is nothing to decide, and when nobody says what it costs.
    """
    row = get(Deposit, deposit_id)
    gateway = gateway_accounts.connect(row.gateway_account)
    asset = gateway.accepted(row.contract)
    if asset is None:
        raise Conflict("This asset is not accepted: send it back, or put it aside.", code="asset_not_accepted")
    rate = ask(lambda: gateway.rate(asset, row.currency))
    if isinstance(rate, NoAnswer):
        raise Conflict(f"There is no price for it just now: {rate.message}", code="no_rate")
    with transaction():
        row = _still_to_review(deposit_id)
        _judge(row, ("credited", rate), asset, at)
        audit("deposit.credit", row.id, at, payment=row.payment_id, worth=str(row.worth))
        cursor = cursor_of(row.gateway_account_id)
        quote = quote_of(row.payment_id)
    if cursor and quote:
        weigh(row.payment_id, gateway, Tip(cursor.last_block, cursor.final_block, cursor.final_at), at)
    return row


def dismiss(deposit_id: str, at: datetime, *, reason: str = "") -> Deposit:
    """A person has decided: it counts for nothing here, because it was sent back or is kept elsewhere."""
    row = _still_to_review(deposit_id)
    row.verdict = "dismissed"
    audit("deposit.dismiss", row.id, at, payment=row.payment_id, reason=reason)
    return row


def _take_in(
    account_id: str, quotes: Sequence[PaymentQuote], found: Sightings, known: tuple[int, str], at: datetime
) -> set[str]:
    """Write down what the chain has now. Whoever has read it meanwhile has written it down already."""
    cursor = cursor_of(account_id, lock=True)
    if cursor and (cursor.last_block, cursor.last_hash) != known:
        return set()
    watched = {row.address: row for row in quotes}
    earlier = {row.transfer.place: row for row in unsettled(account_id, found.first) if row.address in watched}
    seen = {one.place: one for one in found.transfers if one.raw}
    news = [_seen(watched[one.address], earlier.get(place), one, at) for place, one in seen.items()]
    news += [_gone(row, at) for place, row in earlier.items() if place not in seen and _was_read_again(row, found)]
    session().flush()
    news += [_confirmed(row, at) for row in unsettled(account_id, found.first) if row.block <= found.tip.final]
    _move_cursor(account_id, cursor, found, at)
    return {payment_id for payment_id in news if payment_id} | closed_by(account_id, found.tip.final_at)


def _seen(quote: PaymentQuote, row: Deposit | None, one: Transfer, at: datetime) -> str | None:
    """The payment of a transfer that is new, or in another block than before."""
    if row is None:
        row = _new(quote, one, at)
    elif row.block_hash == one.block_hash and row.status in STANDING:
        return None
    else:
        row.block, row.block_hash, row.block_at = one.block, one.block_hash, one.at
        move(row, "detected", at)
    _tell("detected", row, at)
    return row.payment_id


def _new(quote: PaymentQuote, one: Transfer, at: datetime) -> Deposit:
    is_asked = quote.contract == one.contract
    row = Deposit(
        payment_id=quote.payment_id,
        gateway_account_id=quote.gateway_account_id,
        chain_id=quote.chain_id,
        tx_hash=one.tx_hash,
        log_index=one.log_index,
        contract=one.contract,
        sender=one.sender,
        address=one.address,
        raw=one.raw,
        block=one.block,
        block_hash=one.block_hash,
        block_at=one.at,
        status="detected",
        symbol=quote.symbol if is_asked else "",
        decimals=quote.decimals if is_asked else 0,
        currency=quote.currency,
        created_at=at,
    )
    session().add(row)
    session().flush()
    return row


def _was_read_again(row: Deposit, found: Sightings) -> bool:
    first = found.first if row.contract else found.coin_first
    return row.status in STANDING and first <= row.block <= found.tip.head


def _gone(row: Deposit, at: datetime) -> str:
    move(row, "reorged", at)
    _tell("reorged", row, at)
    return row.payment_id


def _confirmed(row: Deposit, at: datetime) -> str | None:
    if row.status != "detected":
        return None
    move(row, "confirmed", at)
    _tell("confirmed", row, at)
    return row.payment_id


def _move_cursor(account_id: str, cursor: ChainCursor | None, found: Sightings, at: datetime) -> None:
    """Two who read a chain for the first time at once: the second one's row is refused, and its work undone."""
    row = cursor or ChainCursor(gateway_account_id=account_id, created_at=at)
    row.last_block, row.last_hash = found.tip.head, found.last_hash
    row.final_block, row.final_at, row.read_at = found.tip.final, found.tip.final_at, at
    session().add(row)


def _decide(account_id: str, gateway: Gateway, at: datetime) -> set[str]:
    """Say of each confirmed deposit what it counts for. What needs a price that nobody tells waits for another time."""
    quotes: dict[str, PaymentQuote] = {}
    verdicts: dict[str, tuple[Verdict, Asset | None]] = {}
    for row in undecided(account_id):
        quote = quotes.setdefault(row.payment_id, _quote(row))
        asset = quote.asset if row.contract == quote.contract else gateway.accepted(row.contract)
        verdict = _verdict(row, quote, asset, gateway)
        if verdict:
            verdicts[row.id] = verdict, asset
    with transaction():
        for deposit_id, (verdict, asset) in verdicts.items():
            _judge(get(Deposit, deposit_id, lock=True), verdict, asset, at)
    return {row.payment_id for row in map(_deposit, verdicts)}


def _verdict(row: Deposit, quote: PaymentQuote, asset: Asset | None, gateway: Gateway) -> Verdict | None:
    """What a deposit counts for; None when that cannot be said now."""
    if is_timely(quote.quote, row.transfer):
        return "quoted", None
    if asset is None:
        return "foreign", None
    if not gateway.credits_late:
        return "review", None
    rate = ask(lambda: gateway.rate(asset, row.currency))
    return None if isinstance(rate, NoAnswer) else ("credited", rate)


def _judge(row: Deposit, verdict: Verdict, asset: Asset | None, at: datetime) -> None:
    row.verdict, rate = verdict
    if asset:
        row.symbol, row.decimals = asset.symbol, asset.decimals
    if rate:
        row.rate, row.rate_source = rate.value, rate.source
        row.worth_minor = rate.worth(int(row.raw), row.decimals).minor
    if row.verdict in TOLD:
        _tell(TOLD[row.verdict], row, at)


def _with_credited(judged: PaymentResult, rows: Sequence[Deposit]) -> PaymentResult:
    """With what was credited apart from the quote. It never pays for what was asked: it is the customer's balance."""
    credited = sum(row.worth_minor or 0 for row in rows if row.status == "confirmed" and row.verdict == "credited")
    if not credited or judged.status not in (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED) or not judged.quote:
        return judged
    worth = Money(credited, judged.quote.amount.currency)
    if judged.amount and judged.status is PaymentStatus.SUCCEEDED:
        return replace(judged, amount=judged.amount + worth)
    return replace(judged, status=PaymentStatus.SUCCEEDED, amount=worth, to_balance=True)


def _news(payment: Payment, judged: PaymentResult) -> PaymentResult | None:
    """What is to be recorded of a judgement, if anything.

    An ended payment can only come to money, or lose it: then its gateway, so to speak, says that it failed.
    """
    if payment.status in OPEN_STATUSES:
        changed = judged.status != payment.status or as_json(judged.next_action) != payment.next_action
        return judged if changed else None
    if judged.status is PaymentStatus.SUCCEEDED:
        return judged if payment.status != "succeeded" or _received(payment) != judged.amount else None
    if payment.status == "succeeded":
        return PaymentResult(PaymentStatus.FAILED, payment.gateway_ref, decline=DECLINES["payment_undone"])
    return None


def _received(payment: Payment) -> Money | None:
    return None if payment.received_minor is None else Money(payment.received_minor, payment.currency)


def _tell(what: str, row: Deposit, at: datetime) -> None:
    emit(
        f"deposit.{what}",
        row.id,
        at,
        customer_id=get(Payment, row.payment_id).customer_id,
        payment=row.payment_id,
        amount=row.text,
        transaction=row.tx_hash,
    )


def _quote(row: Deposit) -> PaymentQuote:
    found = quote_of(row.payment_id)
    assert found is not None, "a deposit is found by the address of a quote"
    return found


def _deposit(deposit_id: str) -> Deposit:
    return get(Deposit, deposit_id)


def _still_to_review(deposit_id: str) -> Deposit:
    row = get(Deposit, deposit_id, lock=True)
    if row.verdict not in ("review", "foreign") or row.status != "confirmed":
        raise Conflict("Nothing is to be decided about this deposit any more.", code="already_decided")
    return row
