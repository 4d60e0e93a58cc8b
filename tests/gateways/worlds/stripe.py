"""Stripe's world: its simulator, and the test methods that Stripe itself publishes."""

import time
from collections.abc import Mapping

from app.domain.money import Money
from app.gateways.types import RawRequest
from simulators.stripe import StripeSimulator
from simulators.stripe_base import WEBHOOK_SECRET
from tests.gateways.worlds import SimulatedWorld, browse


class TheWorld(SimulatedWorld):
    """One Stripe account and its simulator."""

    gateway = "stripe"
    simulator_class = StripeSimulator
    simulator: StripeSimulator
    charge_line = "POST /v1/payment_intents"
    hosted_line = "POST /v1/checkout/sessions"
    refund_line = "POST /v1/refunds"
    wrong_credentials = {"api_key": "sk_test_revoked"}
    tokens = {
        "ok": "pm_card_visa",
        "approve": "pm_card_authenticationRequired",
        "delayed": "pm_usBankAccount",
        "slow_refund": "pm_card_pendingRefund",
        "lost_refund": "pm_card_refundFail",
    }
    declines = {
        "pm_card_chargeDeclined": "card_declined",
        "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
        "pm_card_chargeDeclinedVelocityLimitExceeded": "limit_exceeded",
        "pm_card_chargeDeclinedProcessingError": "processing_error",
        "pm_card_chargeDeclinedExpiredCard": "expired_card",
        "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
        "pm_card_chargeDeclinedLostCard": "lost_card",
        "pm_card_chargeDeclinedStolenCard": "stolen_card",
        "pm_card_chargeDeclinedFraudulent": "suspected_fraud",
    }
    units = (
        (Money(1299, "CAD"), 1299),
        (Money(5000, "JPY"), 5000),
        (Money(3800, "UGX"), 380000),
        (Money(1500, "ISK"), 150000),
        (Money(990000, "HUF"), 990000),
        (Money(30000, "TWD"), 30000),
        (Money(5120, "KWD"), 5120),
        (Money(200000, "MGA"), 2000),
    )
    too_fine = (Money(5124, "KWD"), Money(200050, "MGA"))
    refused_method = ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds")
    has_setup_page = True
    keeps_while_paying = True
    signs_time = True

    def settle(self, gateway_ref: str) -> None:
        self.simulator.settle(gateway_ref)

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        self.simulator.settle_refund(gateway_ref, succeeds)

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "pm_card_visa")

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        event = self.simulator.events[-1]
        chosen = WEBHOOK_SECRET if secret is None else secret
        delivery = self.simulator.signed(event, [chosen], int(time.time()) - age)
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"webhook_secrets": " ".join(secrets)}

    def dispute(self, gateway_ref: str) -> str:
        return self.simulator.dispute(gateway_ref)

    def replace_card(self, token: str) -> None:
        self.simulator.update_card(token.split("/")[1], "1881", 2039)
