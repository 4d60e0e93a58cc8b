"""Forms about a payment: sending money back, and saying what became of it."""

from typing import Self

from wtforms import DateField, SelectChoice, SelectField, StringField, TextAreaField

from app.domain.outside_payments import LONGEST_REFERENCE, OUTSIDE_METHODS
from app.web.admin.forms.fields import Number
from app.web.forms import AtMost, Form, Required, stripped

REASONS = [
    SelectChoice("requested_by_customer", "The customer asked for it"),
    SelectChoice("duplicate", "Paid twice"),
    SelectChoice("not_delivered", "Not delivered"),
    SelectChoice("fraudulent", "Fraud"),
    SelectChoice("other", "Something else"),
]


class CaptureForm(Form):
    """How much is taken of what is reserved."""

    amount = Number("Amount", [Required()])


class AttestationForm(Form):
    """What somebody saw at the gateway."""

    seen = SelectField("At the gateway I saw that", [Required()])
    note = StringField("What you saw, and where", [Required(), AtMost(500)], filters=[stripped])

    @classmethod
    def of_payment(cls) -> Self:
        """About an attempt to collect."""
        return cls._asking("the money was taken", "nothing was taken, and nothing will be")

    @classmethod
    def of_refund(cls) -> Self:
        """About money on its way back."""
        return cls._asking("the refund was made", "the refund was not made, and will not be")

    @classmethod
    def _asking(cls, made: str, not_made: str) -> Self:
        form = cls()
        form.seen.choices = [
            SelectChoice("", "Choose …"),
            SelectChoice("made", made),
            SelectChoice("not_made", not_made),
        ]
        return form

    @property
    def made(self) -> bool:
        """Whether it was."""
        return bool(self.seen.data == "made")


class OutsidePaymentForm(Form):
    """Money that came in outside of any gateway."""

    amount = Number("Amount", [Required()])
    method = SelectField("How it came", [Required()], choices=[SelectChoice(*one) for one in OUTSIDE_METHODS.items()])
    at = DateField("Received on", [Required()])
    reference = StringField(
        "Reference",
        [AtMost(LONGEST_REFERENCE)],
        filters=[stripped],
        description="What the bank statement or the cheque says. The customer sees it, too.",
    )


class TakingBackForm(Form):
    """Why recorded money did not come after all."""

    reason = TextAreaField("Reason", [AtMost(500)], filters=[stripped], description="Kept in the history.")


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
