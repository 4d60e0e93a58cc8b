"""Forms: what was typed, what is wrong with it and at which field, whether a rule of the form or a service says so."""

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.validators import StopValidation

from app.domain.errors import BillingError
from app.web.cardless import held_back


class Form(FlaskForm):  # type: ignore[misc]
    """Base of every form. Values are read from the request.

    The CSRF token is not a field: it is checked for every POST before any view runs, form or not.
    """

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Fields have their own ids; a token field in each form of a page would repeat one."""

        csrf = False

    result: Any = None

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether it is filled in well, and holds no card number anywhere."""
        well_filled = bool(super().validate(extra_validators))
        return not [field for field in self if held_back(field)] and well_filled

    def carry_out(self, action: Callable[[], Any]) -> bool:
        """Do what the form asks for, if it is filled in well, and keep what that gave as `result`.

        False when it was refused, and then `errors` says why: the refusal of a service lands beside the field it names.
        """
        if not self.validate():
            return False
        try:
            self.result = action()
        except BillingError as refusal:
            self.refuse(refusal)
        return not self.errors

    def refuse(self, refusal: BillingError) -> None:
        """Show a refusal at its fields, or above the form when it names none that is here."""
        known = [error for error in refusal.errors if error.field in self]
        for error in known:
            field = self[error.field]
            field.errors = [*field.errors, error.message]
        if not known:
            self.form_errors.append(refusal.message)

    @property
    def status(self) -> int:
        """200 for a form to fill in, 422 for one to correct."""
        return 422 if self.errors else 200

    @property
    def faults(self) -> list[tuple[str | None, str]]:
        """Every message with the id of its field, in the order of the form; None for the form as a whole."""
        of_fields = [(field.id, message) for field in self for message in field.errors]
        return [*((None, message) for message in self.form_errors), *of_fields]


class Required:
    """The field must not be empty. Says which one it is."""

    field_flags = {"required": True}

    def __init__(self, message: str | None = None) -> None:
        self.message = message

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if not field.raw_data or not str(field.raw_data[0]).strip():
            field.errors = []
            raise StopValidation(self.message or f"{field.label.text} is missing.")


class AtMost:
    """No more than so many characters. Says which field, and how many there are."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.field_flags = {"maxlength": length}

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        typed = len(field.data or "")
        if typed > self.length:
            raise StopValidation(f"{field.label.text} may have {self.length} characters; there are {typed}.")


def stripped(text: Any) -> Any:
    """Without spaces around it, or NULs, which PostgreSQL does not keep; nothing instead of an empty text.

    A filter for text fields, and the `coerce` of choices that may be empty: the empty one is then none on both sides.
    """
    return text.replace("\0", "").strip() or None if isinstance(text, str) else text
