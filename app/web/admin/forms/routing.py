"""Forms of the routing rules, and of the question which account would take a payment."""

from typing import Any

from wtforms import BooleanField, SelectChoice, SelectField, StringField

from app.domain.money import Money
from app.domain.routing import Case
from app.queries import portal as query
from app.web.admin.choices import countries, currencies
from app.web.admin.forms.fields import Between, NotNegative, Number, Whole
from app.web.forms import AtMost, Form, Required, stripped

ANY = SelectChoice("", "Any")
KINDS = [
    ANY,
    SelectChoice("card", "Cards"),
    SelectChoice("sepa_debit", "SEPA debits"),
    SelectChoice("us_bank_account", "US bank accounts"),
    SelectChoice("paypal", "PayPal"),
]


class _Conditions(Form):
    """What a payment is like."""

    currency = SelectField("Currency", default="")
    country = SelectField("Country of the customer", default="")
    kind = SelectField("Kind of method", choices=KINDS, default="")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency.choices = [ANY, *currencies()]
        self.country.choices = [ANY, *countries()[1:]]


class RuleForm(_Conditions):
    """A rule: when it holds, which account it names, and where it stands among the others."""

    account = SelectField("Gateway account", [Required()])
    least = Number("Amount from", [NotNegative()])
    most = Number("Amount up to", [NotNegative()])
    position = Whole("Order", [Required(), Between(1, 1000)], default=1)
    weight = Whole("Weight", [Required(), Between(1, 1000)], default=1)
    on_decline = BooleanField("Stand in also when the customer's bank refuses elsewhere", default=False)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.account.choices = [SelectChoice(one.id, one.name) for one in query.open_accounts()]

    def values(self) -> dict[str, Any]:
        """What the service takes. Raises InvalidInput for amounts without a currency."""
        currency = self.currency.data or None
        return {
            "position": self.position.data,
            "weight": self.weight.data,
            "currency": currency,
            "country": self.country.data or None,
            "kind": self.kind.data or None,
            "least": self._money(self.least, currency),
            "most": self._money(self.most, currency),
            "on_decline": bool(self.on_decline.data),
        }

    @staticmethod
    def _money(field: Number, currency: str | None) -> Money | None:
        return field.in_currency(currency or "") if field.data else None


class CaseForm(_Conditions):
    """A payment that might be asked for."""

    amount = Number("Amount", [Required(), NotNegative()])
    invoice = StringField("Invoice id", [AtMost(64)], filters=[stripped])

    def case(self) -> Case:
        """The payment as the rules see it. Raises InvalidInput for an amount that is none in the currency."""
        minor = self.amount.in_currency(self.currency.data or "").minor
        return Case(self.currency.data or "", minor, self.country.data or None, self.kind.data or None)
