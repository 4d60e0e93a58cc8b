"""BTCPay Server's world: its simulator, in which payers pay by Lightning and claim what comes back."""

from collections.abc import Mapping

from app.domain.money import Money
from app.gateways.types import RawRequest
from simulators.btcpay import BTCPaySimulator
from simulators.btcpay_base import WEBHOOK_SECRET
from tests.gateways.worlds import SimulatedWorld, browse


class TheWorld(SimulatedWorld):
    """One store and its simulator."""

    gateway = "btcpay"
    simulator_class = BTCPaySimulator
    simulator: BTCPaySimulator
    hosted_line = "POST /api/v1/stores/S1/invoices"
    refund_line = "POST /api/v1/stores/S1/invoices/"
    wrong_credentials = {"api_key": "btcpay_revoked_key"}
    tokens = {"slow_refund": "", "lost_refund": ""}  # no tokens: every refund is slow, and can be closed unclaimed
    units = ((Money(1299, "CAD"), 1299),)
    finds_begun = True
    knows_keys = False
    lists_refunds = False
    tells_refunds = False

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "BTC-LN 100")

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        self.simulator.claim(gateway_ref)
        finish = self.simulator.pay_out if succeeds else self.simulator.archive
        finish(gateway_ref)

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        chosen = WEBHOOK_SECRET if secret is None else secret
        delivery = self.simulator.signed(self.simulator.events[-1], chosen)
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"webhook_secrets": " ".join(secrets)}
