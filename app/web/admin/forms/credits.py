"""Forms about what customers have in their favour, and what waits for their next invoice."""

from collections.abc import Sequence

from wtforms import RadioField, SelectChoice, SelectField, StringField

from app.domain.money import Money
from app.models import Subscription
from app.web.admin.forms.fields import NotNegative, Number
from app.web.admin.forms.invoices import LineForm
from app.web.forms import AtMost, Form, Required, stripped

WAYS = [SelectChoice("give", "Give credit"), SelectChoice("take", "Take credit back")]


class AdjustmentForm(Form):
    """Credit to give to a customer, or to take back."""

    way = RadioField("What to do", [Required()], choices=WAYS, default="give")
    amount = Number("Amount", [Required(), NotNegative()])
    reason = StringField("Reason", [Required(), AtMost(500)], filters=[stripped], description="Kept in the history.")

    def money(self, currency: str) -> Money:
        """The amount in the customer's favour; below zero when it is taken back. Raises InvalidInput at the field."""
        amount = self.amount.in_currency(currency)
        return -amount if self.way.data == "take" else amount


class ItemForm(LineForm):
    """A charge that waits for the next invoice."""

    subscription = SelectField("On the next invoice of", coerce=stripped)

    @property
    def is_blank(self) -> bool:
        """A form of its own is never blank."""
        return False

    def offer(self, subscriptions: Sequence[Subscription]) -> None:
        """Let one of these subscriptions be chosen, or the customer."""
        everything = SelectChoice("", "The customer, whatever it is for")
        self.subscription.choices = [everything, *(SelectChoice(row.id, row.plan.name) for row in subscriptions)]
