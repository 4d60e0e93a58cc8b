"""Forms about coupons, and about giving them to customers."""

from datetime import timedelta
from typing import Any

from wtforms import DateField, HiddenField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import Optional

from app.domain.errors import InvalidInput
from app.domain.zones import start_of_day, zone
from app.models import Coupon, Subscription
from app.web.admin.choices import currencies
from app.web.admin.forms.fields import Between, NotNegative, Number, Whole
from app.web.auth_guard import person
from app.web.forms import AtMost, Form, Required, stripped

MOST = 1_000_000_000
KINDS = [SelectChoice("percent", "A part of the price, in percent"), SelectChoice("amount", "An amount")]
DURATIONS = [
    SelectChoice("once", "One invoice"),
    SelectChoice("repeating", "Several billing periods"),
    SelectChoice("forever", "Every invoice"),
]


class CouponChangesForm(Form):
    """What of a coupon can change. What it grants stays: customers have it already."""

    name = StringField("Name", [AtMost(255)], filters=[stripped], description="For you. Customers see the code.")
    last_day = DateField("Can be redeemed until", [Optional()], description="That day included. Empty: for good.")
    max_redemptions = Whole("Times it can be redeemed", [Between(1, MOST)], description="By all customers together.")
    max_per_customer = Whole("Times for each customer", [Between(1, MOST)])

    @classmethod
    def of(cls, row: Coupon) -> "CouponChangesForm":
        """The form filled with a coupon."""
        return cls(obj=row, data={"last_day": _last_day(row)})

    def values(self, row: Coupon | None = None) -> dict[str, Any]:
        """What the service is told. A coupon that ends within its last day keeps the instant if the day stays."""
        limits = {name: self[name].data for name in ("max_redemptions", "max_per_customer")}
        kept = row is not None and self.last_day.data == _last_day(row)
        ends = row.expires_at if row is not None and kept else self._end()
        return {"name": self.name.data or (row.code if row else ""), "expires_at": ends, **limits}

    def _end(self) -> Any:
        """The instant at which the day after the last one begins where the reader is."""
        day = self.last_day.data
        return start_of_day(day + timedelta(days=1), person().timezone) if day else None


class CouponForm(CouponChangesForm):
    """A coupon to add."""

    code = StringField(
        "Code", [Required(), AtMost(64)], filters=[stripped], description="What customers type and invoices show."
    )
    kind = RadioField("What it takes off", [Required()], choices=KINDS, default="percent")
    percent = Number("Percent", [NotNegative()])
    amount = Number("Amount", [NotNegative()])
    currency = SelectField("Currency of the amount", choices=currencies)
    duration = RadioField("What it takes it off", [Required()], choices=DURATIONS, default="once")
    periods = Whole("How many periods", [Between(1, 1200)])

    def values(self, row: Coupon | None = None) -> dict[str, Any]:
        """What the service is told. Raises InvalidInput, naming the field, for an amount that is none."""
        given = {"code": self.code.data, "duration": self.duration.data, **super().values()}
        if self.duration.data == "repeating":
            given["periods"] = self.periods.data
        return {**given, **self._discount()}

    def _discount(self) -> dict[str, Any]:
        chosen = self[self.kind.data]
        if not chosen.data:
            raise InvalidInput(f"{chosen.label.text} is missing.", code="missing", field=chosen.name)
        if self.kind.data == "percent":
            return {"percent": self.percent.data}
        money = self.amount.in_currency(self.currency.data)
        return {"amount_minor": money.minor, "currency": money.currency}


class RedemptionForm(Form):
    """A coupon to give to a customer."""

    customer = HiddenField()
    coupon = StringField("Code", [Required(), AtMost(64)], filters=[stripped])
    subscription = SelectField("What it discounts", coerce=stripped)

    def offer(self, subscriptions: list[Subscription]) -> None:
        """Let one of these subscriptions be chosen, or all that the customer is invoiced."""
        everything = SelectChoice("", "Whatever they are invoiced next")
        self.subscription.choices = [everything, *(SelectChoice(row.id, row.plan.name) for row in subscriptions)]


def _last_day(row: Coupon) -> Any:
    """The last day on which a coupon can be redeemed where the reader is."""
    last = row.expires_at - timedelta(microseconds=1) if row.expires_at else None
    return last.astimezone(zone(person().timezone)).date() if last else None
