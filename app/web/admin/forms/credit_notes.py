"""The form of a credit note."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import FieldList, RadioField, SelectChoice, TextAreaField

from app.domain.errors import BillingError, InvalidInput
from app.domain.money import Money
from app.queries.credit_notes import LineLeft
from app.web.admin.forms.fields import NotNegative, Number
from app.web.forms import AtMost, Form, Required, stripped

HOW = [
    SelectChoice("all", "All that is left"),
    SelectChoice("amount", "An amount, tax included"),
    SelectChoice("lines", "Amounts of single lines"),
]
SETTLEMENTS = [
    SelectChoice("auto", "Send it back as far as the gateways can, the rest to the balance"),
    SelectChoice("refund", "Send it back to the payments"),
    SelectChoice("balance", "Keep it as the customer's balance"),
]


class CreditNoteForm(Form):
    """What to give back of an invoice, and where it goes."""

    how = RadioField("What is given back", [Required()], choices=HOW, default="all")
    amount = Number("Amount", [NotNegative()])
    lines = FieldList(Number("Amount", [NotNegative()]))
    settle = RadioField("What was paid already", [Required()], choices=SETTLEMENTS, default="auto")
    reason = TextAreaField("Reason", [AtMost(500)], filters=[stripped], description="Stands on the credit note.")

    left: Sequence[LineLeft] = ()

    def over(self, left: Sequence[LineLeft]) -> "CreditNoteForm":
        """The form over these lines of an invoice."""
        self.left = left
        while len(self.lines) < len(left):
            self.lines.append_entry()
        return self

    def asked(self, currency: str) -> dict[str, Any]:
        """What the service is told. Raises InvalidInput, naming the field."""
        given: dict[str, Any] = {"settle": self.settle.data}
        if self.how.data == "amount":
            if not self.amount.data:
                raise InvalidInput("Amount is missing.", code="missing", field="amount")
            given["amount"] = self.amount.in_currency(currency)
        if self.how.data == "lines":
            given["lines"] = self._parts(currency)
        return given

    def refuse(self, refusal: BillingError) -> None:
        """A service names a line by its id: `lines.ivl_…`."""
        place = self._place(refusal.field or "")
        if place is None:
            super().refuse(refusal)
            return
        entry = self.lines[place]
        entry.errors = [*entry.errors, refusal.message]
        self.lines.errors = [*self.lines.errors, entry.errors]

    @property
    def faults(self) -> list[tuple[str | None, str]]:
        """Messages of lines stand at their fields."""
        fields = [field for field in self if field is not self.lines]
        of_fields = [(field.id, message) for field in (*fields, *self.lines) for message in field.errors]
        return [*((None, message) for message in self.form_errors), *of_fields]

    def _parts(self, currency: str) -> Mapping[str, Money]:
        pairs = zip(self.lines, self.left, strict=False)
        return {each.line.id: field.in_currency(currency) for field, each in pairs if field.data}

    def _place(self, field: str) -> int | None:
        names = [f"lines.{each.line.id}" for each in self.left]
        if field in names:
            return names.index(field)
        entries = [entry.name for entry in self.lines]
        return entries.index(field) if field in entries else None
