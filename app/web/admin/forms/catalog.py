"""Forms about what is sold."""

from typing import Any

from wtforms import SelectChoice, SelectField, StringField, TextAreaField

from app.web.forms import AtMost, Form, Required, stripped

TAX_CATEGORIES = [
    SelectChoice("saas", "Software over the network"),
    SelectChoice("software", "Software to install"),
    SelectChoice("service", "Service"),
    SelectChoice("goods", "Goods"),
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
