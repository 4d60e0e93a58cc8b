"""Forms about meters and alerts on usage."""

import re
from collections.abc import Sequence
from typing import Any

from wtforms import HiddenField, SelectChoice, SelectField, StringField

from app.domain.errors import InvalidInput
from app.models import Meter
from app.web.admin.forms.catalog import CODE_HINT
from app.web.forms import AtMost, Form, Required, stripped

AGGREGATIONS = [
    SelectChoice("count", "Count of events"),
    SelectChoice("sum", "Sum of a property"),
    SelectChoice("max", "Greatest value of a property"),
    SelectChoice("last", "Latest value of a property"),
    SelectChoice("unique", "How many different values a property has"),
    SelectChoice("weighted_sum", "Average of a level over the period, weighted by time"),
]
LATE_POLICIES = [
    SelectChoice("next_invoice", "They go on the next invoice"),
    SelectChoice("correct", "The invoice is corrected by a credit note and a new one"),
    SelectChoice("refuse", "They are refused"),
]


class MeterChangesForm(Form):
    """What of a meter can change. What it measures stays: events are read as they arrive."""

    name = StringField("Name", [Required(), AtMost(255)], filters=[stripped])
    late_policy = SelectField("Events that come after their period was invoiced", [Required()], choices=LATE_POLICIES)

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        return {"name": self.name.data, "late_policy": self.late_policy.data}


class MeterForm(MeterChangesForm):
    """A meter to add."""

    code = StringField("Code", [Required(), AtMost(64)], filters=[stripped], description=CODE_HINT)
    aggregation = SelectField("What it measures", [Required()], choices=AGGREGATIONS)
    property_name = StringField(
        "Property", [AtMost(64)], filters=[stripped], description="Of the events. A count needs none, all others one."
    )

    def values(self) -> dict[str, Any]:
        """What the service is told."""
        names = ("code", "aggregation", "property_name")
        return {**super().values(), **{name: self[name].data for name in names}}

    def refuse(self, refusal: Any) -> None:
        """The domain calls it `property`."""
        if refusal.field == "property":
            refusal.field = "property_name"
        super().refuse(refusal)


class AlertForm(Form):
    """Levels of usage to be told of."""

    customer = HiddenField()
    meter = SelectField("Meter", [Required()])
    levels = StringField(
        "Levels", [Required(), AtMost(500)], filters=[stripped], description="Numbers with spaces between: 800 1000."
    )

    def offer(self, meters: Sequence[Meter]) -> None:
        """Let one of these meters be chosen."""
        self.meter.choices = [SelectChoice(meter.id, meter.name) for meter in meters]

    @property
    def wanted(self) -> list[str]:
        """The levels, one by one."""
        return re.findall(r"[^\s;]+", self.levels.data or "")

    def refuse(self, refusal: Any) -> None:
        """A service names a level by its place."""
        if (refusal.field or "").startswith("levels."):
            refusal = InvalidInput("Levels are numbers above zero with a point: 800 1000.5.", field="levels")
        super().refuse(refusal)
