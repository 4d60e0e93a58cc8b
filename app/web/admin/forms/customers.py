"""Forms about customers and what they pay with."""

from collections.abc import Sequence
from typing import Any

from wtforms import BooleanField, HiddenField, SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from app.gateways.sandbox import TOKENS
from app.models import Customer
from app.web.admin.choices import clocks, countries, currencies, languages, timezones
from app.web.admin.forms.fields import known_or_current
from app.web.forms import AtMost, Form, Required, stripped

KINDS = [SelectChoice("business", "A business"), SelectChoice("consumer", "A private person")]
TAX_ID_KINDS = [
    SelectChoice("", "None"),
    SelectChoice("eu_vat", "EU VAT number"),
    SelectChoice("gb_vat", "UK VAT number"),
    SelectChoice("gst_hst", "Canadian GST/HST number"),
    SelectChoice("qst", "Québec QST number"),
]
SANDBOX_TOKENS = [
    SelectChoice(token, f"{does.brand.capitalize()} •••• {does.last4}: {does.text}") for token, does in TOKENS.items()
]
ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country")


class AddressForm(Form):
    """Where somebody is. Taxes depend on country, region and postal code."""

    line1 = StringField("Street and number", [AtMost(255)], filters=[stripped])
    line2 = StringField("Suite, floor, department", [AtMost(255)], filters=[stripped])
    city = StringField("City", [AtMost(255)], filters=[stripped])
    region = StringField(
        "Province or state", [AtMost(8)], filters=[stripped], description="Its short form, such as ON or NY."
    )
    postal_code = StringField("Postal code", [AtMost(16)], filters=[stripped])
    country = SelectField("Country", choices=countries, coerce=stripped)

    @property
    def address(self) -> dict[str, str]:
        """What was filled in of the address."""
        return {name: self[name].data for name in ADDRESS if self[name].data}


class CustomerForm(AddressForm):
    """A customer to add, or to change: then currency and test clock are not asked for, because they stay."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    email = StringField(
        "E-mail", [Required(), AtMost(254)], filters=[stripped], description="Invoices and reminders go there."
    )
    kind = SelectField("Who it is", [Required()], choices=KINDS)
    external_id = StringField(
        "Your own id", [AtMost(255)], filters=[stripped], description="What your application calls this customer."
    )
    currency = SelectField(
        "Currency",
        [Required()],
        choices=currencies,
        description="All their invoices are in it; it cannot be changed later.",
    )
    timezone = SelectField(
        "Time zone",
        [Required()],
        choices=timezones,
        description="Days and month ends of their subscriptions are counted there.",
    )
    locale = SelectField(
        "Language", [Required()], choices=languages, description="How amounts and days are written to them."
    )
    test_clock_id = SelectField(
        "Test clock",
        choices=clocks,
        coerce=stripped,
        description="In whose time they live, for good: everything of theirs falls due as you advance that clock.",
    )
    tax_id_kind = SelectField("Tax number", choices=TAX_ID_KINDS, coerce=stripped)
    tax_id = StringField("Number", [AtMost(40)], filters=[stripped])

    @classmethod
    def of(cls, row: Customer) -> "CustomerForm":
        """The form filled with what is known; the fields of what stays are gone."""
        first = row.tax_ids[0] if row.tax_ids else {}
        known = {name: row.address.get(name) for name in ADDRESS}
        form = cls(obj=row, data={**known, "tax_id_kind": first.get("type", ""), "tax_id": first.get("value")})
        del form.currency, form.test_clock_id
        for field in (form.timezone, form.locale, form.country, form.tax_id_kind):
            known_or_current(field)
        return form

    def values(self, row: Customer | None = None) -> dict[str, Any]:
        """What the service is told. Further tax numbers of a customer, which the form does not show, stay."""
        names = ("name", "email", "kind", "external_id", "currency", "timezone", "locale", "test_clock_id")
        plain = {name: self[name].data for name in names if name in self}
        return {**plain, "address": self.address, "tax_ids": self._tax_ids(row.tax_ids if row else [])}

    def validate_tax_id(self, field: StringField) -> None:
        """A kind without a number says nothing, nor does a number without a kind."""
        if bool(field.data) != bool(self.tax_id_kind.data):
            raise ValidationError("Give both the kind of tax number and the number, or neither.")

    def _tax_ids(self, known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """A number that is known already keeps what was found out about it."""
        if not self.tax_id.data:
            return list(known[1:])
        first = {"type": self.tax_id_kind.data, "value": self.tax_id.data}
        kept = next((one for one in known if one["type"] == first["type"] and one["value"] == first["value"]), None)
        return [kept or {**first, "status": "unverified"}, *known[1:]]


class MethodForm(Form):
    """A payment method to keep: the gateway's token for it, never a card number."""

    customer = HiddenField()
    account = HiddenField()
    token = StringField(
        "Token",
        [Required(), AtMost(255)],
        filters=[stripped],
        description="What the gateway calls the card or account.",
    )
    default = BooleanField("Charge this one from now on", default=True)


class SandboxMethodForm(MethodForm):
    """At the sandbox, the token says what its bank will do."""

    token = SelectField("What the sandbox bank does", [Required()], choices=SANDBOX_TOKENS)


METHOD_FORMS: dict[str, type[MethodForm]] = {"sandbox": SandboxMethodForm}


def method_form(gateway: str) -> type[MethodForm]:
    """The form for a method at that gateway."""
    return METHOD_FORMS.get(gateway, MethodForm)


class AccessForm(Form):
    """Somebody at the customer who may sign in."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped])
