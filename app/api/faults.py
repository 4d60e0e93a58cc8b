"""What pydantic found wrong, in our words: one table from its types to codes and sentences."""

from collections.abc import Mapping
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.api.refusals import InvalidFields
from app.domain.errors import FieldError

# pydantic's type: our code, and a sentence filled in from its context.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "This field is required."),
    "extra_forbidden": ("unknown_field", "There is no such field here: check its spelling."),
    "string_type": ("invalid_type", "Give a string."),
    "int_type": ("invalid_type", "Give a whole number."),
    "int_parsing": ("invalid_type", "Give a whole number."),
    "int_from_float": ("invalid_type", "Give a whole number."),
    "int_parsing_size": ("out_of_range", "This number is out of range."),
    "bool_type": ("invalid_type", "Give true or false."),
    "bool_parsing": ("invalid_type", "Give true or false."),
    "list_type": ("invalid_type", "Give a list."),
    "dict_type": ("invalid_type", "Give an object."),
    "model_type": ("invalid_type", "Give an object."),
    "literal_error": ("invalid_choice", "Use one of {expected}."),
    "string_too_short": ("too_short", "This is empty or too short: give at least {min_length} character(s)."),
    "string_too_long": ("too_long", "Give at most {max_length} characters."),
    "too_long": ("too_many", "Give at most {max_length} of them."),
    "too_short": ("too_few", "Give at least {min_length} of them."),
    "string_pattern_mismatch": ("invalid_format", "This does not have the form {pattern}."),
    "greater_than_equal": ("out_of_range", "Give {ge} or more."),
    "less_than_equal": ("out_of_range", "Give {le} or less."),
    "date_parsing": ("invalid_date", "Give a day as YYYY-MM-DD."),
    "date_type": ("invalid_date", "Give a day as YYYY-MM-DD."),
}


def refuse(error: ValidationError) -> NoReturn:
    """Raise InvalidFields, naming each field by its path: `lines.0.quantity`."""
    raise InvalidFields([_fault(detail) for detail in error.errors(include_input=False, include_url=False)])


def _fault(detail: ErrorDetails) -> tuple[str, FieldError]:
    code, sentence = SENTENCES.get(detail["type"], (detail["type"], detail["msg"]))
    path = ".".join(str(step) for step in detail["loc"]) or "body"
    return code, FieldError(path, sentence.format(**detail.get("ctx", {})))
