"""Square's world: its simulator, and the nonces that Square itself publishes for its sandbox."""

from collections.abc import Mapping

from app.domain.money import Money
from app.gateways.types import RawRequest
from simulators.square import SquareSimulator
from simulators.square_base import WEBHOOK_KEY
from tests.gateways.worlds import SimulatedWorld, browse

WEBHOOK_URL = "https://shop.example/webhooks/square/1"


class TheWorld(SimulatedWorld):
    """One Square location and its simulator."""

    gateway = "square"
    simulator_class = SquareSimulator
    simulator: SquareSimulator
    charge_line = "POST /v2/payments"
    hosted_line = "POST /v2/online-checkout/payment-links"
    refund_line = "POST /v2/refunds"
    wrong_credentials = {"access_token": "square_revoked_token"}
    tokens = {
        "ok": "cnon:card-nonce-ok",
        "delayed": "bauth:ach-account-ok",
        "slow_refund": "cnon:card-nonce-ok",
        "lost_refund": "cnon:card-nonce-ok",
    }
    declines = {
        "cnon:card-nonce-declined": "card_declined",
        "cnon:card-nonce-rejected-cvv": "incorrect_cvc",
        "cnon:card-nonce-rejected-postalcode": "incorrect_address",
        "cnon:card-nonce-rejected-expiration": "expired_card",
        "cnon:card-nonce-requires-verification": "authentication_required",
        "cnon:decline:INSUFFICIENT_FUNDS": "insufficient_funds",
        "cnon:decline:PAN_FAILURE": "incorrect_number",
        "cnon:decline:TEMPORARY_ERROR": "processing_error",
    }
    units = ((Money(1299, "CAD"), 1299),)
    refused_method = ("cnon:card-nonce-rejected-cvv", "incorrect_cvc")
    keeps_while_paying = True

    def account(self) -> Mapping[str, str]:
        return self.simulator.account() | {"webhook_url": WEBHOOK_URL}

    def settle(self, gateway_ref: str) -> None:
        self.simulator.settle(gateway_ref)

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        self.simulator.settle_refund(gateway_ref, succeeds)

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "cnon:card-nonce-ok")

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        key = WEBHOOK_KEY if secret is None else secret
        delivery = self.simulator.signed(self.simulator.events[-1], key, WEBHOOK_URL)
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"webhook_keys": " ".join(secrets)}

    def dispute(self, gateway_ref: str) -> str:
        return self.simulator.dispute(gateway_ref)

    def replace_card(self, token: str) -> None:
        self.simulator.update_card(token.split("/")[1], "1881", 2039)
