"""Forms about invoices."""

import re
from typing import Any

from wtforms import BooleanField, FieldList, FormField, HiddenField, RadioField, SelectField, StringField, TextAreaField

from app.domain.errors import BillingError
from app.domain.exact import plain
from app.models import InvoiceLine
from app.services.invoices import MAX_LINES
from app.services.one_off import OneOff
from app.web.admin.forms.catalog import TAX_CATEGORIES
from app.web.admin.forms.fields import NotNegative, Number
from app.web.admin.forms.subscriptions import COLLECTIONS
from app.web.admin.prices import typed_price
from app.web.forms import AtMost, Form, Required, stripped

BLANK_LINES = 3


class LineForm(Form):
    """A line of a one-off invoice. One on which nothing is written does not count."""

    description = StringField("Description", [Required("Say what this line is for."), AtMost(500)], filters=[stripped])
    quantity = Number("Quantity", [Required(), NotNegative()], default="1")
    unit_amount = Number("Price of one", [Required("Give the price of one."), NotNegative()])
    tax_category = SelectField("For taxes", choices=TAX_CATEGORIES, default="service")

    @property
    def is_blank(self) -> bool:
        """Whether nothing was written on it."""
        return not (self.description.data or self.unit_amount.data)

    def validate(self, extra_validators: Any = None) -> bool:
        """A blank line is as good as none."""
        return self.is_blank or bool(super().validate(extra_validators))

    def one_off(self) -> OneOff:
        """The line as the service takes it."""
        return OneOff(self.description.data, self.unit_amount.data, self.quantity.data, self.tax_category.data)


class InvoiceForm(Form):
    """A one-off invoice with several lines."""

    customer = HiddenField()
    lines = FieldList(FormField(LineForm), min_entries=BLANK_LINES, max_entries=MAX_LINES)
    memo = TextAreaField("Note on the invoice", [AtMost(1000)], filters=[stripped])
    collection = RadioField("How it is paid", [Required()], choices=COLLECTIONS, default="manual")
    draft = BooleanField("Keep it as a draft, to be looked at before it is issued")

    @property
    def written(self) -> list[LineForm]:
        """The lines on which something was written."""
        return [line for line in self._lines if not line.is_blank]

    @property
    def faults(self) -> list[tuple[str | None, str]]:
        """Messages of lines stand at the fields of the lines."""
        plain = [(None, message) for message in self.form_errors]
        fields = [field for field in self if field is not self.lines]
        fields += [field for line in self._lines for field in line]
        return [*plain, *((field.id, message) for field in fields for message in field.errors)]

    def refuse(self, refusal: BillingError) -> None:
        """A service names a field of a line by its place among those written: `lines.0.quantity`."""
        place = re.match(r"lines\.(\d+)\.(\w+)$", refusal.field or "")
        if place is None:
            super().refuse(refusal)
            return
        field = self.written[int(place[1])][place[2]]
        field.errors = [*field.errors, refusal.message.replace(str(refusal.field), field.label.text)]
        self.lines.errors = [field.errors]

    @property
    def _lines(self) -> list[LineForm]:
        return [entry.form for entry in self.lines.entries]


class VoidingForm(Form):
    """Why an invoice is taken back."""

    reason = TextAreaField("Reason", [AtMost(500)], filters=[stripped], description="Kept in the history.")


class WriteOffForm(Form):
    """Why an invoice is given up."""

    reason = TextAreaField("Reason", [AtMost(500)], filters=[stripped], description="Kept in the history.")


class DraftLineForm(Form):
    """A line of a draft to change: its price is then simply that of one, times the quantity."""

    description = LineForm.description
    quantity = LineForm.quantity
    unit_amount = LineForm.unit_amount

    @classmethod
    def of(cls, row: InvoiceLine, currency: str) -> "DraftLineForm":
        """The form filled with a line."""
        price = None if row.unit_amount is None else typed_price(row.unit_amount, currency)
        return cls(data={"description": row.description, "quantity": plain(row.quantity), "unit_amount": price})

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        return {name: self[name].data for name in ("description", "quantity", "unit_amount")}

    def refuse(self, refusal: BillingError) -> None:
        """People know a field by its label."""
        name = refusal.field or ""
        if name not in self:
            super().refuse(refusal)
            return
        field = self[name]
        field.errors = [*field.errors, refusal.message.replace(name, field.label.text)]


class NewDraftLineForm(DraftLineForm):
    """A line to add to a draft."""

    tax_category = LineForm.tax_category

    def one_off(self) -> OneOff:
        """The line as the service takes it."""
        return OneOff(self.description.data, self.unit_amount.data, self.quantity.data, self.tax_category.data)
