"""The form of a plan: its price of any model, what else it charges, its rhythm."""

from decimal import Decimal
from typing import Any

from wtforms import FieldList, FormField, HiddenField, RadioField, SelectChoice, SelectField, StringField

from app.domain.periods import Interval
from app.models import Charge, Plan
from app.queries import usage_lists
from app.services.catalog import MAX_TRIAL_DAYS
from app.services.charges import MOST
from app.web.admin.choices import currencies
from app.web.admin.forms.catalog import CODE_HINT
from app.web.admin.forms.fields import Between, Number, Whole, known_or_current
from app.web.admin.forms.nested import NestedForm
from app.web.admin.forms.prices import PriceForm, typed
from app.web.admin.prices import typed_price
from app.web.forms import AtMost, Required, stripped

INTERVALS = [SelectChoice(interval.value, f"{interval.value.capitalize()}s") for interval in Interval]
TAX_BEHAVIORS = [
    SelectChoice("exclusive", "Added on top of the price"),
    SelectChoice("inclusive", "Contained in the price"),
]
BILLS = [SelectChoice("in_advance", "When it begins"), SelectChoice("in_arrears", "When it ends")]
FIRST_PERIODS = [
    SelectChoice("prorate", "Its part of the price"),
    SelectChoice("full", "The whole price"),
    SelectChoice("free", "Nothing"),
]
COUNTED = [SelectChoice("second", "By the second"), SelectChoice("day", "By the day")]
CHANGES = [
    *COUNTED,
    SelectChoice("full", "The whole price at once"),
    SelectChoice("none", "Nothing until the next bill"),
    SelectChoice("next_period", "The change waits for the next period"),
]
SETTINGS = ("bill", "first_period", "proration_upgrade", "proration_downgrade", "proration_counted")
KINDS = [
    SelectChoice("usage", "What a meter measured, when the period ends"),
    SelectChoice("recurring", "The quantity of the subscription, with each bill"),
]


def meters() -> list[SelectChoice]:
    """The meters that take events, an empty choice first."""
    found = usage_lists.meters({}, limit=1000).items
    return [SelectChoice("", "None"), *(SelectChoice(meter.id, meter.name) for meter in found)]


class ChargeForm(NestedForm):
    """What a plan asks for besides its own price."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    kind = SelectField("Charged for", [Required()], choices=KINDS, default="usage")
    meter = SelectField("Meter", choices=meters, coerce=stripped)
    price = FormField(PriceForm)

    def values(self) -> dict[str, Any]:
        """The charge as the service takes it."""
        price = self.price.form.shape()
        return {"name": self.name.data, "kind": self.kind.data, "price": price, "meter_id": self.meter.data}


class PlanForm(NestedForm):
    """A plan to add to a product, or to change."""

    product = HiddenField()
    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped], description="Stands on invoices.")
    code = StringField("Code", [Required(), AtMost(64)], filters=[stripped], description=CODE_HINT)
    currency = SelectField("Currency", [Required()], choices=currencies)
    price = FormField(PriceForm)
    charges = FieldList(FormField(ChargeForm), max_entries=MOST)
    interval_count = Whole("Every", [Required(), Between(1, 3650)], default=1)
    interval = SelectField("Interval", [Required()], choices=INTERVALS, default="month")
    trial_days = Whole(
        "Trial in days",
        [Between(0, MAX_TRIAL_DAYS)],
        default=0,
        description="0 for none. Nothing is charged meanwhile.",
    )
    tax_behavior = RadioField("Taxes are", [Required()], choices=TAX_BEHAVIORS, default="exclusive")
    bill = SelectField("A period is invoiced", [Required()], choices=BILLS, default="in_advance")
    first_period = SelectField("A shorter first period costs", [Required()], choices=FIRST_PERIODS, default="prorate")
    proration_upgrade = SelectField("Changing to something dearer", [Required()], choices=CHANGES, default="second")
    proration_downgrade = SelectField("Changing to something cheaper", [Required()], choices=CHANGES, default="second")
    proration_counted = SelectField("Shorter periods are counted", [Required()], choices=COUNTED, default="second")
    tried = Number("Try a quantity", description="Only for the table of prices.")

    @classmethod
    def of(cls, row: Plan) -> "PlanForm":
        """The form filled with a plan; its code and currency stay."""
        names = ("name", "interval_count", "interval", "trial_days", "tax_behavior", *SETTINGS)
        given = {"product": row.product_id, **{name: getattr(row, name) for name in names}}
        charges = [_typed_charge(charge, row.currency) for charge in row.charges]
        form = cls(data={**given, "price": _typed(row.price, row.currency), "charges": charges})
        del form.code
        del form.currency
        for entry in form.charges:
            known_or_current(entry.form.meter)
        return form

    @property
    def priced(self) -> list[tuple[str, PriceForm, str]]:
        """Everything here that has a price: what it is called, its form, and the path by which services know it."""
        charges = [
            (entry.form.name.data or f"Charge {place}", entry.form.price.form, f"charges.{place - 1}.price")
            for place, entry in enumerate(self.charges, 1)
        ]
        return [("The plan", self.price.form, "price"), *charges]

    def quantity(self) -> list[Decimal]:
        """The quantity that somebody wants to try, if it is one."""
        text = self.tried.data or ""
        return [Decimal(text)] if text.replace(".", "", 1).isdecimal() else []

    def reshape(self, change: str) -> None:
        """Add a charge (`charges`), a tier (`price.tiers`, `charges.0.price.tiers`), or drop one (`charges.0`)."""
        where, _, place = change.partition(".")
        if change == "charges" and len(self.charges) < MOST:
            self.charges.append_entry()
        elif where == "charges" and place.isdigit():
            _drop(self.charges, int(place))
        for _name, form, path in self.priced:
            form.open_tiers(int(change == f"{path}.tiers"))

    def values(self) -> dict[str, Any]:
        """What the service is told. The product is looked up by the view."""
        names = ("name", "code", "currency", "interval", "interval_count", "tax_behavior", *SETTINGS)
        values = {name: self[name].data for name in names if name in self}
        charges = [entry.form.values() for entry in self.charges]
        priced = {"price": self.price.form.shape(), "charges": charges}
        return {**values, **priced, "trial_days": self.trial_days.data or 0}


def _drop(rows: FieldList, place: int) -> None:
    """Take one row out; those behind it move up, names and all."""
    kept = [entry.data for number, entry in enumerate(rows.entries) if number != place]
    while rows.entries:
        rows.pop_entry()
    for row in kept:
        rows.append_entry(row)


def _typed(shape: dict[str, Any], currency: str) -> dict[str, Any]:
    """A stored price as it stands in the form; that of one unit with the currency's decimals."""
    texts = typed(shape)
    if "unit_amount" in texts:
        texts["unit_amount"] = typed_price(Decimal(texts["unit_amount"]), currency)
    return texts


def _typed_charge(row: Charge, currency: str) -> dict[str, Any]:
    return {"name": row.name, "kind": row.kind, "meter": row.meter_id, "price": _typed(row.price, currency)}
