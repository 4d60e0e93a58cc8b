"""Forms about what happens to a subscription in the middle of a period."""

from collections.abc import Sequence

from wtforms import DateField, HiddenField, RadioField, SelectChoice, SelectField
from wtforms.validators import Optional

from app.models import Plan, Subscription
from app.services.sellable import MAX_QUANTITY
from app.web.admin.forms.fields import Between, Whole
from app.web.admin.prices import price_text
from app.web.forms import Form, Required

PRORATIONS = [
    SelectChoice("", "As the plan says"),
    SelectChoice("second", "At once, the rest of the period by the second"),
    SelectChoice("day", "At once, the rest of the period by the day"),
    SelectChoice("full", "At once, the whole period anew"),
    SelectChoice("none", "At once, paid from the next period on"),
    SelectChoice("next_period", "With the next period"),
]
BILLINGS = [
    SelectChoice("skip", "Nothing: the time stands still"),
    SelectChoice("free", "Nothing: its periods go on and are free"),
    SelectChoice("bill", "Everything, as if there were no pause"),
]
CREDITS = [
    SelectChoice("none", "Nothing"),
    SelectChoice("day", "The days that are not used"),
    SelectChoice("second", "All that is not used, to the second"),
]


class ChangeForm(Form):
    """Another plan or quantity. `at` and `fingerprint` come from the preview that was looked at."""

    plan = SelectField("Plan", [Required()])
    quantity = Whole("Quantity", [Required(), Between(1, MAX_QUANTITY)])
    proration = SelectField("When it changes", choices=PRORATIONS)
    at = HiddenField()
    fingerprint = HiddenField()

    def offer(self, row: Subscription, plans: Sequence[Plan]) -> None:
        """Let one of these plans be chosen, or the one it is on."""
        others = [plan for plan in plans if plan.id != row.plan_id]
        self.plan.choices = [SelectChoice(plan.id, f"{plan.name} · {price_text(plan)}") for plan in (row.plan, *others)]


class PauseForm(Form):
    """How long a subscription stands still, and what is billed meanwhile."""

    resume_on = DateField(
        "It goes on", [Optional()], description="At the start of that day. Empty: when you resume it."
    )
    billing = RadioField("What is billed meanwhile", [Required()], choices=BILLINGS, default="skip")
    credit = RadioField("What is given back of the paid time", [Required()], choices=CREDITS, default="none")
