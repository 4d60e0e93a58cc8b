"""The form of a refund."""

from wtforms import SelectChoice, SelectField, StringField

from app.web.admin.forms.fields import Number
from app.web.forms import AtMost, Form, Required, stripped

REASONS = [
    SelectChoice("requested_by_customer", "The customer asked for it"),
    SelectChoice("duplicate", "Paid twice"),
    SelectChoice("not_delivered", "Not delivered"),
    SelectChoice("fraudulent", "Fraud"),
    SelectChoice("other", "Something else"),
]


class PayoutForm(Form):
    """Where a refund is sent from a wallet, and with which transaction it was."""

    address = StringField("Customer's address", [AtMost(64)], filters=[stripped])
    tx_hash = StringField("Transaction", [AtMost(80)], filters=[stripped])


class RefundForm(Form):
    """How much goes back, and why."""

    amount = Number("Amount", [Required()])
    reason = SelectField("Reason", [Required()], choices=REASONS)
    comment = StringField("Comment", [AtMost(200)], filters=[stripped])

    @property
    def why(self) -> str:
        """Reason and comment as they are kept."""
        return ": ".join(filter(None, (self.reason.data, self.comment.data)))
