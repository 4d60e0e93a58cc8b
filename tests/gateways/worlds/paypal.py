"""PayPal's world: its simulator, and what is in the simulator's vault from the beginning."""

from collections.abc import Mapping

from app.domain.money import Money
from app.gateways.types import Payer, RawRequest
from simulators.paypal import PaypalSimulator
from simulators.paypal_base import WEBHOOK_ID
from tests.gateways.worlds import SimulatedWorld, browse


class TheWorld(SimulatedWorld):
    """One PayPal business account and its simulator."""

    gateway = "paypal"
    simulator_class = PaypalSimulator
    simulator: PaypalSimulator
    charge_line = "POST /v2/checkout/orders/"  # the capture: creating an order moves no money
    hosted_line = "POST /v2/checkout/orders"
    refund_line = "POST /v2/payments/captures"
    wrong_credentials = {"client_secret": "paypal_revoked_secret"}
    tokens = {
        "ok": "paypal/wallet-ok",
        "delayed": "paypal/echeck",
        "slow_refund": "paypal/slow-refund",
        "lost_refund": "paypal/slow-refund",
    }
    declines = {
        "card/decline-5120": "insufficient_funds",
        "card/decline-5400": "expired_card",
        "card/decline-9520": "lost_card",
        "card/decline-0500": "do_not_honor",
        "card/decline-5110": "incorrect_cvc",
        "paypal/issue-INSTRUMENT_DECLINED": "card_declined",
        "paypal/issue-PAYER_ACTION_REQUIRED": "authentication_required",
        "paypal/issue-AGREEMENT_ALREADY_CANCELLED": "mandate_revoked",
        "venmo/issue-PAYER_ACCOUNT_RESTRICTED": "not_permitted",
    }
    units = (
        (Money(1299, "CAD"), 1299),
        (Money(5000, "JPY"), 5000),
        (Money(990000, "HUF"), 9900),
        (Money(30000, "TWD"), 300),
    )
    too_fine = (Money(990050, "HUF"), Money(30001, "TWD"))
    has_setup_page = True
    replaces_cards = False
    kept_as = ("paypal", None, None, None)
    finds_bare_keys = False

    def leave(self, name: str, payer: Payer) -> str:
        return self.simulator.leave(payer.customer_id)

    def settle(self, gateway_ref: str) -> None:
        self.simulator.settle(gateway_ref)

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        self.simulator.settle_refund(gateway_ref, succeeds)

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "approve")

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        webhook_id = WEBHOOK_ID if secret is None else secret
        delivery = self.simulator.signed(self.simulator.events[-1], webhook_id, age)
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"webhook_ids": " ".join(secrets)}

    def dispute(self, gateway_ref: str) -> str:
        return self.simulator.dispute(gateway_ref)
