"""Forms made of forms: refusals find their way down to the field they name, and all messages stand above."""

from collections.abc import Iterable, Iterator
from typing import Any

from wtforms import Field, FieldList, FormField

from app.domain.errors import BillingError
from app.web.forms import Form


class NestedForm(Form):
    """A form with others inside. Parts that hold rows which may be left blank say which ones count, in `rows_of`."""

    def rows_of(self, name: str) -> list[Field]:
        """The entries of a list of this form, in the places by which services know them."""
        return list(self[name].entries)

    def field_at(self, path: list[str]) -> Field | None:
        """The field at a path such as `charges`, `0`, `price`, `rate`; None when there is none here."""
        name, *rest = path
        if name not in self:
            return None
        field = self[name]
        if isinstance(field, FieldList) and rest:
            rows, (place, *rest) = self.rows_of(name), rest
            if not place.isdigit() or int(place) >= len(rows):
                return None
            field = rows[int(place)]
        if isinstance(field, FormField):
            return field.form.field_at(rest) if rest else next(iter(field.form))
        return field

    def refuse(self, refusal: BillingError) -> None:
        """Show a refusal at the field that it names by its path."""
        field = self.field_at((refusal.field or "").split("."))
        if field is None or isinstance(field, FieldList):
            super().refuse(refusal)
            return
        field.errors = [*field.errors, _said(refusal, field)]
        _gather(self)

    @property
    def faults(self) -> list[tuple[str | None, str]]:
        """Messages of fields inside stand at those."""
        of_fields = [(field.id, message) for field in leaves(self) for message in field.errors]
        return [*((None, message) for message in self.form_errors), *of_fields]


def leaves(fields: Iterable[Field]) -> Iterator[Field]:
    """The fields in which something is typed, however deep they are."""
    for field in fields:
        if isinstance(field, FormField):
            yield from leaves(field.form)
        elif isinstance(field, FieldList):
            yield from leaves(field.entries)
        else:
            yield field


def _said(refusal: BillingError, field: Field) -> str:
    """The refusal in the words of the form."""
    label = field.label.text
    if refusal.code in ("missing", "missing_field"):
        return f"{label} is missing."
    return refusal.message.replace(str(refusal.field), label)


def _gather(fields: Iterable[Any]) -> None:
    """Have lists know that something inside them is wrong."""
    for field in fields:
        if isinstance(field, FormField):
            _gather(field.form)
        elif isinstance(field, FieldList):
            _gather(field.entries)
            field.errors = [message for leaf in leaves([field]) for message in leaf.errors]
