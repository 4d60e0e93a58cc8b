"""Forms about selling, and about ending what was sold."""

from collections.abc import Sequence

from wtforms import HiddenField, RadioField, SelectChoice, SelectField, StringField, TextAreaField

from app.models import PaymentMethod, Plan
from app.services.catalog import MAX_TRIAL_DAYS
from app.services.formats import method_name
from app.services.sellable import MAX_QUANTITY
from app.web.admin.forms.fields import Between, Whole
from app.web.admin.forms.subscription_changes import CREDITS
from app.web.admin.prices import price_text
from app.web.forms import AtMost, Form, Required, stripped

COLLECTIONS = [
    SelectChoice("automatic", "Charge the payment method by itself"),
    SelectChoice("manual", "Send an invoice, to be paid by hand"),
]
WHEN = [
    SelectChoice("period_end", "At the end of the paid period"),
    SelectChoice("now", "Now"),
]
REASONS = [
    SelectChoice("", "No reason given"),
    SelectChoice("too_expensive", "Too expensive"),
    SelectChoice("unused", "Not used"),
    SelectChoice("missing_features", "Something was missing"),
    SelectChoice("switched_service", "Went to another service"),
    SelectChoice("customer_service", "Unhappy with us"),
    SelectChoice("low_quality", "Quality"),
    SelectChoice("too_complex", "Too complicated"),
    SelectChoice("other", "Something else"),
]


class SaleForm(Form):
    """A plan to sell to a customer."""

    customer = HiddenField()
    plan = SelectField("Plan", [Required()])
    quantity = Whole("Quantity", [Required(), Between(1, MAX_QUANTITY)], default=1)
    trial_days = Whole("Trial in days", [Between(0, MAX_TRIAL_DAYS)], description="Empty: what the plan gives.")
    collection = RadioField("How it is paid", [Required()], choices=COLLECTIONS, default="automatic")
    coupon = StringField("Coupon", [AtMost(64)], filters=[stripped], description="Its code.")
    method = SelectField("Payment method", coerce=stripped)

    def offer(self, plans: Sequence[Plan], methods: Sequence[PaymentMethod]) -> None:
        """Let one of these plans and one of these methods be chosen."""
        self.plan.choices = [SelectChoice(plan.id, f"{plan.name} · {price_text(plan)}") for plan in plans]
        by_default = SelectChoice("", "The customer's default")
        self.method.choices = [by_default, *(SelectChoice(method.id, method_name(method)) for method in methods)]


class CancellationForm(Form):
    """When a subscription ends, and why."""

    when = RadioField("It ends", [Required()], choices=WHEN, default="period_end")
    credit = RadioField("What is given back if it ends now", choices=CREDITS, default="none")
    reason = SelectField("Reason", choices=REASONS, coerce=stripped)
    comment = TextAreaField("In the customer's words", [AtMost(500)], filters=[stripped])

    @property
    def why(self) -> str | None:
        """Reason and comment as they are kept: `too_expensive: over our budget`."""
        return ": ".join(filter(None, (self.reason.data, self.comment.data))) or None
