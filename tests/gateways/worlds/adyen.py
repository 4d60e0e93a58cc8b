"""Adyen's world: its simulator, and the methods that every shopper has there."""

from collections.abc import Mapping
from hashlib import sha256

from app.domain.money import Money
from app.gateways.types import Payer, RawRequest
from simulators.adyen import AdyenSimulator
from simulators.adyen_base import HMAC_KEY
from tests.gateways.worlds import SimulatedWorld, browse

SHOPPER = "cus_01k0000000e00800000000000a"


class TheWorld(SimulatedWorld):
    """One merchant account and its simulator."""

    gateway = "adyen"
    simulator_class = AdyenSimulator
    simulator: AdyenSimulator
    charge_line = "POST /v72/payments"
    hosted_line = "POST /v72/paymentLinks"
    refund_line = "POST /v72/payments/"
    wrong_credentials = {"api_key": "adyen_revoked_key"}
    tokens = {"ok": f"{SHOPPER}/visa-ok", "approve": f"{SHOPPER}/redirect"}
    declines = {
        f"{SHOPPER}/refused-12": "insufficient_funds",
        f"{SHOPPER}/refused-2": "card_declined",
        f"{SHOPPER}/refused-6": "expired_card",
        f"{SHOPPER}/refused-20": "suspected_fraud",
        f"{SHOPPER}/refused-26": "mandate_revoked",
        f"{SHOPPER}/refused-9": "issuer_unavailable",
    }
    units = (
        (Money(1299, "CAD"), 1299),
        (Money(5000, "JPY"), 5000),
        (Money(3800, "UGX"), 3800),
        (Money(1500, "ISK"), 150000),
        (Money(1500, "CLP"), 150000),
        (Money(990000, "IDR"), 9900),
        (Money(5120, "KWD"), 5120),
    )
    too_fine = (Money(990050, "IDR"),)
    has_setup_page = True
    replaces_cards = False
    finds_bare_keys = False
    finds_refunds = False
    tells_refunds = False
    signs_body = False  # fields of each item, and not the body
    asks_by_repeating = True
    acts_at_once = False
    remembers_voids = False
    asked_about_disputes = False

    def leave(self, name: str, payer: Payer) -> str:
        return self.simulator.leave(payer.customer_id)

    def settle(self, gateway_ref: str) -> None:
        self.simulator.settle(gateway_ref)

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        self.simulator.settle_refund(gateway_ref, succeeds)

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "pay")

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        delivery = self.simulator.signed(self.simulator.events[-1], HMAC_KEY if secret is None else _key(secret))
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"hmac_keys": " ".join(map(_key, secrets))}

    def dispute(self, gateway_ref: str) -> str:
        return self.simulator.dispute(gateway_ref)


def _key(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
