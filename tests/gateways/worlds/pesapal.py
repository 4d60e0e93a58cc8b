"""Pesapal's world: its simulator, on whose page payers pay by card or mobile money."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from app.domain.money import Money
from app.gateways.types import PaymentResult, RawRequest, Redirect
from simulators.pesapal import PesapalSimulator
from tests.gateways.worlds import SimulatedWorld, browse


class TheWorld(SimulatedWorld):
    """One merchant and their simulator."""

    gateway = "pesapal"
    currency = "KES"
    simulator_class = PesapalSimulator
    simulator: PesapalSimulator
    hosted_line = "POST /api/Transactions/SubmitOrderRequest"
    refund_line = "POST /api/Transactions/RefundRequest"
    wrong_credentials = {"consumer_secret": "pesapal_wrong_secret"}
    tokens = {"slow_refund": ""}  # no tokens: every refund is slow
    refusals = {"fail": "card_declined"}
    units = ((Money(129_99, "KES"), 129_99), (Money(5000, "UGX"), 5000_00))
    too_fine = (Money(1_001, "KWD"),)
    repeats_action = False
    repeats_answers = False
    signs = False
    signs_body = False
    tells_refunds = False
    finds_refunds = False

    def __init__(self, workspace: Path) -> None:
        super().__init__(workspace)
        self.now = datetime.now(UTC)

    def pay_page(self, url: str) -> Mapping[str, str]:
        return browse(url, "card")

    def refuse(self, result: PaymentResult, choice: str) -> None:
        assert isinstance(result.next_action, Redirect)
        browse(result.next_action.url, choice)

    def settle_refund(self, gateway_ref: str, *, succeeds: bool) -> None:
        assert succeeds
        self.simulator.settle_refund(gateway_ref)

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        delivery = self.simulator.unsigned(self.simulator.events[-1])
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        return RawRequest(delivery.content, headers, received_at=self.now)
