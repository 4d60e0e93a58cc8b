"""Forms of the settings: the workspace, its people, keys, gateway accounts and tax numbers."""

import re
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    PasswordField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.gateways.base import CredentialField, Gateway
from app.models import Tenant
from app.permissions import SCOPES
from app.services.tenant_settings import HOURS, LONGEST_DAYS, REVIEWED, SWITCHES
from app.web.admin.choices import countries, languages, timezones
from app.web.admin.forms.customers import ADDRESS, AddressForm
from app.web.admin.forms.fields import Between, Whole, known_or_current
from app.web.forms import AtMost, Form, Required, stripped

ROLES = [
    SelectChoice("owner", "Owner: everything, settings included"),
    SelectChoice("billing_admin", "Billing admin: sells, invoices, collects, refunds"),
    SelectChoice("billing_viewer", "Viewer: sees everything, changes nothing"),
]
SCOPE_WORDS = {
    "read": "Read: see everything",
    "write": "Write: sell, invoice, collect, refund",
    "admin": "Admin: also settings, keys and gateway accounts",
}
NUMBERINGS = [
    SelectChoice("tenant", "One series for all customers"),
    SelectChoice("customer", "A series for each customer"),
]
FINAL_ACTIONS = [
    SelectChoice("cancel", "End the subscription"),
    SelectChoice("unpaid", "Keep it, marked unpaid and without access"),
    SelectChoice("keep_past_due", "Leave it past due"),
]
LATE_MONEY = [
    SelectChoice("balance", "Keep it as the customer's balance"),
    SelectChoice("refund", "Send it back"),
]
SCHEMES = [
    SelectChoice("gst_hst", "GST/HST"),
    SelectChoice("qst", "QST"),
    SelectChoice("pst", "PST or RST"),
    SelectChoice("vat", "VAT"),
    SelectChoice("sales_tax", "Sales tax"),
]
MODES = [SelectChoice("test", "Test: no real money"), SelectChoice("live", "Live: real money")]


class InvitationForm(Form):
    """Somebody to be let in."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped])
    role = SelectField("Role", [Required()], choices=ROLES, default="billing_admin")


class RoleForm(Form):
    """What somebody may do from now on."""

    role = SelectField("Role", [Required()], choices=ROLES)


class Checks(SelectMultipleField):  # type: ignore[misc]
    """Several choices, each with a box to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class KeyForm(Form):
    """An API key to be made."""

    name = StringField(
        "Name", [Required(), AtMost(255)], filters=[stripped], description="The application that will use it."
    )
    scopes = Checks(
        "What it may do", choices=[SelectChoice(name, SCOPE_WORDS[name]) for name in SCOPES], default=["read"]
    )
    expires_on = DateField("Ends on", [Optional()], description="Empty: it does not end by itself.")


class AccountForm(Form):
    """A gateway account to be connected; the credentials are added by `account_form`."""

    name = StringField(
        "Name", [Required(), AtMost(60)], filters=[stripped], description="How your staff tell accounts apart."
    )
    mode = SelectField("Mode", [Required()], choices=MODES)


class CredentialsForm(Form):
    """New credentials for an account that is there; the fields are added by `account_form`."""


class SendersForm(Form):
    """Where an account takes webhooks from."""

    senders = StringField(
        "Addresses and networks",
        [AtMost(2000)],
        filters=[stripped],
        description="Such as 203.0.113.0/24, with spaces between them. Empty: from anywhere, by their signature alone.",
    )


def account_form(base: type[Form], gateway: type[Gateway]) -> Any:
    """A form of that kind with a field for each credential that the gateway declares."""
    fields = {f"credential_{field.name}": _credential(field) for field in gateway.credentials}
    return type(base.__name__, (base,), fields)()


def credentials(form: Form, gateway: type[Gateway]) -> dict[str, str]:
    """What was filled in, by the gateway's own names; what was left empty is left out."""
    typed = {field.name: form[f"credential_{field.name}"].data for field in gateway.credentials}
    return {name: value for name, value in typed.items() if value}


def _credential(field: CredentialField) -> Any:
    kind = PasswordField if field.secret else StringField
    checks = [*([Required()] if field.required else []), AtMost(10_000)]
    return kind(field.label, checks, filters=[stripped], description=field.help)


class RegistrationForm(Form):
    """A tax number of the workspace."""

    country = SelectField("Country", [Required()], choices=countries)
    region = StringField(
        "Province or state", [AtMost(8)], filters=[stripped], description="Empty when the number holds countrywide."
    )
    scheme = SelectField("Tax", [Required()], choices=SCHEMES)
    number = StringField("Number", [Required(), AtMost(40)], filters=[stripped])
    valid_from = DateField("Valid from", [Optional()], description="Empty: since ever.")


class ProfileForm(AddressForm):
    """What the workspace says about itself on invoices and in mails."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    legal_name = StringField("Legal name", [Required(), AtMost(255)], filters=[stripped], description="On invoices.")
    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped], description="Customers answer there.")
    timezone = SelectField("Time zone", [Required()], choices=timezones)
    locale = SelectField(
        "Language", [Required()], choices=languages, description="How amounts and days are written for staff."
    )
    invoice_prefix = StringField("Numbers begin with", [AtMost(16)], filters=[stripped])

    @classmethod
    def of(cls, row: Tenant) -> "ProfileForm":
        """The form filled with what is known."""
        form = cls(obj=row, data={name: row.address.get(name) for name in ADDRESS})
        for field in (form.timezone, form.locale, form.country):
            known_or_current(field)
        return form

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        names = ("name", "legal_name", "email", "timezone", "locale")
        plain = {name: self[name].data for name in names}
        return {**plain, "invoice_prefix": self.invoice_prefix.data or "", "address": self.address}


class Days(StringField):  # type: ignore[misc]
    """Several numbers of days, typed as `1, 3, 5`."""

    def process_data(self, value: Any) -> None:
        """Keeps the numbers as they are."""
        self.data = list(value or [])

    def process_formdata(self, valuelist: list[str]) -> None:
        """Reads numbers between commas or spaces."""
        self.data = words = re.findall(r"[^\s,;]+", valuelist[0] if valuelist else "")
        if not all(re.fullmatch(r"\d{1,4}", word, re.ASCII) for word in words):
            raise ValueError(f"{self.label.text}: write numbers of days with commas between them, such as 1, 3, 5.")
        self.data = [int(word) for word in words]

    def _value(self) -> str:
        return ", ".join(str(day) for day in self.data or [])


class CollectionForm(Form):
    """How the workspace deals with those who do not pay."""

    net_days = Whole(
        "Days to pay", [Required(), Between(0, LONGEST_DAYS)], description="Of invoices that are paid by hand."
    )
    retry_days = Days("Charge again after", description="Days after the first failure. The last one is the final step.")
    final_action = SelectField("The final step", [Required()], choices=FINAL_ACTIONS)
    remind_before_days = Days("Remind before", description="Days before an invoice is due.")
    remind_after_days = Days("Remind after", description="Days after an invoice was due.")
    grace_days = Whole(
        "Days of grace", [Required(), Between(0, LONGEST_DAYS)], description="Whoever is past due keeps access so long."
    )

    grace_hours = Whole(
        "Hours to look at renewals",
        [Required(), Between(*HOURS["grace_hours"])],
        description="So long the invoice of a renewal stays a draft that can be changed.",
    )
    incomplete_hours = Whole(
        "Hours for the first payment",
        [Required(), Between(*HOURS["incomplete_hours"])],
        description="A subscription expires whose first payment never came.",
    )
    review_lines = Whole(
        "Look first at more lines than",
        [Required(), Between(*REVIEWED["review_lines"])],
        description="What would be invoiced is set aside and not charged until somebody lets it go on.",
    )
    review_amount = Whole(
        "Look first at more than",
        [Required(), Between(*REVIEWED["review_amount"])],
        description="Before tax, in the currency of the invoice.",
    )
    numbering = SelectField("Invoice numbers", [Required()], choices=NUMBERINGS)
    late_money = SelectField(
        "Money that comes late",
        [Required()],
        choices=LATE_MONEY,
        description="For an invoice that was paid otherwise, or more than was owed.",
    )

    @classmethod
    def of(cls, row: Tenant) -> "CollectionForm":
        """The form filled with what holds now."""
        return cls(data={name: row.setting(name) for name in Tenant.SETTINGS})

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        return {name: self[name].data for name in Tenant.SETTINGS if name in self}


class PortalForm(Form):
    """What customers may do in their portal by themselves."""

    portal_changes = BooleanField("Customers may choose another plan or quantity")
    portal_pauses = BooleanField("Customers may pause what they bought")

    @classmethod
    def of(cls, row: Tenant) -> "PortalForm":
        """The form filled with what holds now."""
        return cls(data={name: row.setting(name) for name in SWITCHES})

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        return {name: self[name].data for name in SWITCHES}
