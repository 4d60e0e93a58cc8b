"""Forms about what is sold."""

from typing import Any

from wtforms import HiddenField, RadioField, SelectChoice, SelectField, StringField, TextAreaField

from app.domain.periods import Interval
from app.models import Plan
from app.services.catalog import MAX_TRIAL_DAYS
from app.web.admin.choices import currencies
from app.web.admin.forms.fields import Between, NotNegative, Number, Whole
from app.web.admin.prices import typed_price
from app.web.forms import AtMost, Form, Required, stripped

TAX_CATEGORIES = [
    SelectChoice("saas", "Software over the network"),
    SelectChoice("software", "Software to install"),
    SelectChoice("service", "Service"),
    SelectChoice("goods", "Goods"),
]
INTERVALS = [SelectChoice(interval.value, f"{interval.value.capitalize()}s") for interval in Interval]
TAX_BEHAVIORS = [
    SelectChoice("exclusive", "Added on top of the price"),
    SelectChoice("inclusive", "Contained in the price"),
]
CODE_HINT = "Short and lasting: applications know it by this. Letters, digits and hyphens."


class ProductForm(Form):
    """A product to add."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped], description="Customers see it.")
    code = StringField("Code", [Required(), AtMost(64)], filters=[stripped], description=CODE_HINT)
    description = TextAreaField("Description", [AtMost(2000)], filters=[stripped])
    tax_category = SelectField("What it is for taxes", [Required()], choices=TAX_CATEGORIES)

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        names = [name for name in ("name", "code", "tax_category") if name in self]
        return {**{name: self[name].data for name in names}, "description": self.description.data or ""}


class ProductChangesForm(ProductForm):
    """A product to change. Its code stays."""

    code = None


class PlanForm(Form):
    """A plan to add to a product, or to change. A price of several tiers is left as it is."""

    product = HiddenField()
    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped], description="Stands on invoices.")
    code = StringField("Code", [Required(), AtMost(64)], filters=[stripped], description=CODE_HINT)
    currency = SelectField("Currency", [Required()], choices=currencies)
    unit_amount = Number("Price of one unit", [Required(), NotNegative()])
    interval_count = Whole("Every", [Required(), Between(1, 3650)], default=1)
    interval = SelectField("Interval", [Required()], choices=INTERVALS, default="month")
    trial_days = Whole(
        "Trial in days",
        [Between(0, MAX_TRIAL_DAYS)],
        default=0,
        description="0 for none. Nothing is charged meanwhile.",
    )
    tax_behavior = RadioField("Taxes are", [Required()], choices=TAX_BEHAVIORS, default="exclusive")

    @classmethod
    def of(cls, row: Plan) -> "PlanForm":
        """The form filled with a plan; its code and currency stay."""
        unit = row.pricing.unit_price
        price = typed_price(unit, row.currency) if unit is not None else None
        form = cls(obj=row, data={"product": row.product_id, "unit_amount": price})
        del form.code
        del form.currency
        if row.price.get("model") != "standard":
            del form.unit_amount
        return form

    def values(self) -> dict[str, Any]:
        """What the service is told. The product is looked up by the view."""
        names = ("name", "code", "currency", "interval", "interval_count", "tax_behavior")
        values = {name: self[name].data for name in names if name in self}
        if "unit_amount" in self:
            values["price"] = {"model": "standard", "unit_amount": self.unit_amount.data}
        return {**values, "trial_days": self.trial_days.data or 0}
