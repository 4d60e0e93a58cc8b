"""What people of the tenant do about refunds that wait for somebody: approve, send, look at the gateway and say what
they see there."""

from collections.abc import Mapping

from app import clock
from app.db import transaction
from app.gateways import gateway_class
from app.models import Refund
from app.services import attesting, payouts
from app.services.next_actions import payout_in
from crashtest.payers import CONFIRMATIONS
from crashtest.town import WALLET, Town

# What has to happen at the gateway until a refund has arrived; Pesapal's are known by their payment.
ARRIVING: Mapping[str, tuple[str, ...]] = {
    "adyen": ("settle_refund",),
    "btcpay": ("claim", "pay_out"),
    "pesapal": ("settle_refund",),
    "square": ("settle_refund",),
}


def finish(town: Town, refund: Refund) -> None:
    """Do what is left to do for a refund that is pending, or of which nobody knows."""
    gateway = gateway_class(town.gateway_of(refund.payment))
    if payout_in(refund.next_step):
        payouts.sent_with(refund.id, send(town, refund), clock.now())
    elif refund.status == "unknown" and not gateway.tells_refunds:
        _say_what_is_seen(refund, made=_is_at_gateway(town, refund))
    else:
        _let_arrive(town, refund)


def send(town: Town, refund: Refund) -> str:
    """Send a refund from a wallet to the customer's, once; gives the transaction."""
    payout = payout_in(refund.next_step)
    assert payout
    if not payout.address:
        with transaction():
            payouts.send_to(refund.id, WALLET, clock.now())
    if refund.id not in town.sent:
        gateway = town.outsides[town.gateway_of(refund.payment)]
        asset = "USDC" if payout.contract else "ETH"
        tx_hash = str(gateway.act("send", to=WALLET, raw=int(payout.raw), asset=asset, mine=CONFIRMATIONS))
        town.sent[refund.id] = tx_hash
        town.payouts[tx_hash] = refund.payment_id, refund.amount_minor
    return town.sent[refund.id]


def _let_arrive(town: Town, refund: Refund) -> None:
    gateway = town.gateway_of(refund.payment)
    ref = refund.payment.gateway_ref if gateway == "pesapal" else refund.gateway_ref
    for action in ARRIVING.get(gateway, ()):
        town.outsides[gateway].act(action, ref=ref)


def _say_what_is_seen(refund: Refund, *, made: bool) -> None:
    note = f"It is {'' if made else 'not '}on the gateway's dashboard."
    attesting.attest_refund(refund.id, clock.now(), made=made, note=note)


def _is_at_gateway(town: Town, refund: Refund) -> bool:
    """Whether the gateway has sent more of the payment back than we know of."""
    known = town.refunded().get(refund.payment_id, 0)
    return town.taken(refund.payment).refunded >= known + refund.amount_minor
