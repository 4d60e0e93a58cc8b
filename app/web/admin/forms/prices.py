"""The form of a price: the fields of each model are those that the domain declares."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from wtforms import Field, FieldList, FormField, SelectChoice, SelectField

from app.domain.exact import plain
from app.domain.pricing import MODELS, Price, parse_price
from app.domain.pricing.tiers import Tiered
from app.web.admin.forms.fields import Number
from app.web.admin.forms.nested import NestedForm
from app.web.forms import Required

WORDS = {
    "standard": "Standard: a price for each unit",
    "graduated": "Graduated: each unit at the price of its tier",
    "volume": "Volume: all units at the price of one tier",
    "stairstep": "Stairstep: one price for the whole step",
    "package": "Package: a price for each started package",
    "percentage": "Percentage of the value of each event",
    "graduated_percentage": "Graduated percentage: each part of a value at its rate",
}
CHOICES = [SelectChoice(model, WORDS[model]) for model in MODELS]
NO_UNIT_PRICE = frozenset({"stairstep"})  # the domain refuses a price per unit there
BLANK_TIERS = 2


class TierForm(NestedForm):
    """A tier. One on which nothing is written does not count; one without an end is the last."""

    up_to = Number("Up to", description="Empty in the last tier.")
    unit_amount = Number("Price of one unit")
    rate = Number("Rate in percent")
    flat_amount = Number("Flat amount")

    @property
    def shape(self) -> dict[str, Any]:
        """What was written."""
        return {field.name.rpartition("-")[2]: field.data for field in self if field.data}


class PriceForm(NestedForm):
    """A price of any model. Only the fields of the chosen one count."""

    model = SelectField("How it is priced", [Required()], choices=CHOICES, default="standard")
    unit_amount = Number("Price of one unit")
    package_size = Number("Units in a package")
    package_amount = Number("Price of a package")
    rate = Number("Rate in percent")
    fixed_amount = Number("Fixed amount of each event")
    free_units = Number("Free units")
    free_events = Number("Free events")
    per_event_min = Number("At least, for each event")
    per_event_max = Number("At most, for each event")
    minimum_amount = Number("At least, in each period")
    maximum_amount = Number("At most, in each period")
    tiers = FieldList(FormField(TierForm), max_entries=100)

    @property
    def kind(self) -> type[Price]:
        """The chosen model; the plainest while none is."""
        return MODELS.get(self.model.data or "", MODELS["standard"])

    @property
    def asked(self) -> list[Field]:
        """The fields of the chosen model, without its tiers."""
        return [self[field.name] for field in fields(self.kind) if field.name in self and field.name != "tiers"]

    @property
    def tier_columns(self) -> list[str]:
        """The fields of a tier of the chosen model; none when it has no tiers."""
        if not issubclass(self.kind, Tiered):
            return []
        names = [field.name for field in fields(self.kind.tier_type)]
        return [name for name in names if name != "unit_amount" or self.kind.model not in NO_UNIT_PRICE]

    def rows_of(self, name: str) -> list[Field]:
        """The tiers on which something was written."""
        return [entry for entry in super().rows_of(name) if name != "tiers" or self._written(entry)]

    def open_tiers(self, more: int = 0) -> None:
        """See to it that there are tiers to write on: some at least, and so many more."""
        while self.tier_columns and (more > 0 or len(self.tiers) < BLANK_TIERS):
            if len(self.tiers) >= self.tiers.max_entries:
                return
            self.tiers.append_entry()
            more -= 1

    def shape(self) -> dict[str, Any]:
        """The price as the domain reads it, with what was written and nothing else."""
        plain_fields = {field.name.rpartition("-")[2]: field.data for field in self.asked if field.data}
        shape = {"model": self.kind.model, **plain_fields}
        return {**shape, "tiers": self._tiers()} if self.tier_columns else shape

    def price(self, field: str = "price") -> Price:
        """The price. Raises InvalidInput, naming a field below `field`."""
        return parse_price(self.shape(), field)

    def _tiers(self) -> list[dict[str, Any]]:
        rows = [entry.form.shape for entry in self.rows_of("tiers")]
        return [{"up_to": None, **{k: v for k, v in row.items() if k in self.tier_columns}} for row in rows]

    def _written(self, entry: Field) -> bool:
        return any(name in self.tier_columns for name in entry.form.shape)


def typed(shape: Mapping[str, Any]) -> dict[str, Any]:
    """A stored price as it stands in the form."""
    price = parse_price(shape)
    texts = {name: value for name, value in shape.items() if name != "tiers"}
    if isinstance(price, Tiered):
        ends = [None if tier.up_to is None else plain(tier.up_to) for tier in price.tiers]
        texts["tiers"] = [{**tier, "up_to": end} for tier, end in zip(shape["tiers"], ends, strict=True)]
    return texts
