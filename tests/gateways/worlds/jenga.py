"""Jenga's world: its simulator, and payers' phones, on which prompts are answered."""

from collections.abc import Mapping

from app.domain.money import Money
from app.gateways.types import PaymentResult, RawRequest
from simulators.jenga import WEBHOOK_LOGIN, JengaSimulator
from tests.gateways.worlds import SimulatedWorld

WEBHOOK_URL = "https://shop.example/webhooks/jenga/1"


class TheWorld(SimulatedWorld):
    """One merchant and their simulator."""

    gateway = "jenga"
    currency = "KES"
    step = 100
    phone = "0712 345 678"
    simulator_class = JengaSimulator
    simulator: JengaSimulator
    hosted_line = "POST /v3-apis/payment-api/v3.0/stkussdpush/initiate"
    wrong_credentials = {"api_key": "jenga_revoked_key"}
    refusals = {"104103": "insufficient_funds", "400113": "limit_exceeded", "103999": "card_declined"}
    units = ((Money(1_300_00, "KES"), 1_300_00),)
    too_fine = (Money(1_300_50, "KES"), Money(1_300_00, "USD"))
    finds_begun = True
    repeats_answers = False
    signs_body = False
    tells_key = False

    def account(self) -> Mapping[str, str]:
        return self.simulator.account() | {"webhook_url": WEBHOOK_URL}

    def pay(self, result: PaymentResult) -> Mapping[str, str]:
        self.simulator.press(result.gateway_ref or "")
        return {}

    def refuse(self, result: PaymentResult, choice: str) -> None:
        self.simulator.press(result.gateway_ref or "", int(choice))

    def webhook(self, *, secret: str | None = None, age: int = 0) -> RawRequest:
        login = WEBHOOK_LOGIN if secret is None else secret
        delivery = self.simulator.sealed(self.simulator.events[-1], login)
        return RawRequest(delivery.content, {name.lower(): value for name, value in delivery.headers.items()})

    def rotating(self, *secrets: str) -> Mapping[str, str]:
        return {"webhook_logins": " ".join(secrets)}
