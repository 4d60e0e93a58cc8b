"""Payments that payers finish with a gateway: on its page, by a code to scan, on their phone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from wtforms import SelectChoice, SelectField, TelField

from app.domain.errors import InvalidInput
from app.domain.phones import international
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import GatewayAccount, Invoice
from app.services import ways
from app.services.ways import Hosted
from app.web.forms import Form, Required, stripped


class Offer(NamedTuple):
    """What payers know a gateway's payments by."""

    words: str
    icon: str


# A gateway that is not here goes by its own name.
OFFERS: Mapping[str, Offer] = {
    "adyen": Offer("Card, wallet or bank account", "credit-card"),
    "btcpay": Offer("Bitcoin or Lightning", "currency-bitcoin"),
    "jenga": Offer("Mobile money", "phone"),
    "paypal": Offer("PayPal", "paypal"),
    "pesapal": Offer("Mobile money or card", "phone"),
    "square": Offer("Card, Cash App or Afterpay", "credit-card"),
    "stripe": Offer("Card, wallet or bank account", "credit-card"),
    "web3": Offer("Crypto wallet", "qr-code"),
}


class HostedForm(Form):
    """There is nothing to fill in here: the gateway asks. `template` draws the form."""

    template: ClassVar[str] = "checkout/methods/page.html"

    @property
    def number(self) -> str:
        """The phone that is to pay."""
        return ""

    @property
    def choice(self) -> str:
        """Which of the account's choices is paid with; empty where there is nothing to choose."""
        return ""


class PhoneForm(HostedForm):
    """Which phone the gateway asks."""

    template = "checkout/methods/phone.html"
    phone = TelField("Phone number", [Required()], filters=[stripped])

    def validate(self, extra_validators: object = None) -> bool:
        """A number that nobody could call is refused at its field."""
        return bool(super().validate(extra_validators)) and self._can_be_called()

    @property
    def number(self) -> str:
        return str(self.phone.data)

    def _can_be_called(self) -> bool:
        try:
            international(self.number)
        except InvalidInput as refusal:
            self.refuse(refusal)
        return not self.errors


class ChoiceForm(HostedForm):
    """In which of the assets that the account takes."""

    template = "checkout/methods/choice.html"
    asset = SelectField("Pay in", [Required()])

    @property
    def choice(self) -> str:
        return str(self.asset.data)


@dataclass(frozen=True, slots=True)
class HostedWay:
    """An account with which a payment can be finished, and its part of the form."""

    account: GatewayAccount
    form: HostedForm
    by_form: bool  # on our page, in the gateway's own form

    @property
    def title(self) -> str:
        """The gateway as people know it."""
        return gateway_class(self.account.gateway).title

    @property
    def offer(self) -> Offer:
        """What it is offered as."""
        return OFFERS.get(self.account.gateway, Offer(self.title, "box-arrow-up-right"))

    @property
    def keeps(self) -> bool:
        """Whether what is paid with can be kept for later."""
        return self.by_form or Capability.KEEP in gateway_class(self.account.gateway).capabilities

    def hosted(self, *, keep: bool) -> Hosted:
        """What to ask the services for."""
        keep = keep and self.keeps
        return Hosted(self.account.id, self.form.number, keep, self.form.choice, by_form=self.by_form)


def offered(invoice: Invoice) -> list[HostedWay]:
    """The accounts with which the invoice can be paid, each with its part of the form."""
    found = ways.offered(invoice)
    return [HostedWay(one, _form(one, invoice.currency), ways.form_of(one) is not None) for one in found]


def _form(account: GatewayAccount, currency: str) -> HostedForm:
    if found := ways.choices(account, currency):
        form = ChoiceForm(prefix=f"{account.id}-")
        form.asset.choices = [SelectChoice(choice.name, choice.title) for choice in found]
        return form
    asks = Capability.PHONE in gateway_class(account.gateway).capabilities
    return (PhoneForm if asks else HostedForm)(prefix=f"{account.id}-")
