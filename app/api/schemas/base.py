"""What requests and answers have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.domain.lifecycle import Noun, statuses
from app.queries.base import DEFAULT_LIMIT, MAX_LIMIT
from app.queries.base import Page as Rows

Row = TypeVar("Row")
Item = TypeVar("Item", bound=BaseModel)


UNSET: Any = None
"""The default of a field that may be left out and is not nullable; see `Request.given`."""


def _without_null_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        if field.get("default", ...) is None:
            del field["default"]


class Request(BaseModel):
    """A body. Unknown fields and values of another type are refused, so that typing errors are found."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_without_null_defaults)

    def given(self) -> dict[str, Any]:
        """What was sent and nothing else, by the names that services know: `metadata` is kept as `details`."""
        sent = self.model_dump(exclude_unset=True)
        return {"details" if name == "metadata" else name: value for name, value in sent.items()}


class Answer(BaseModel):
    """What a row looks like outside. A column of another name is given as the field's `validation_alias`."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, row: object) -> Self:
        """The answer that shows a row."""
        return cls.model_validate(row)


def _without_nulls(schema: dict[str, Any]) -> None:
    """An address cannot say null: a filter is given or left out."""
    _without_null_defaults(schema)
    for field in schema.get("properties", {}).values():
        if "anyOf" in field:
            field.update(field.pop("anyOf")[0])


class Listing(BaseModel):
    """The query of a list: where to go on, how many, and which. Subclasses add filters."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_nulls)

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=1000, description="`next_cursor` of the page before.")

    @property
    def filters(self) -> dict[str, str | None]:
        """The filters that were given, as the lists know them."""
        given = self.model_dump(exclude={"limit", "cursor"})
        return {name: str(value) for name, value in given.items() if value}


class Page(BaseModel, Generic[Item]):
    """A part of a list. `next_cursor` leads on; it is null on the last page."""

    data: list[Item]
    next_cursor: str | None


def page_of(rows: Rows[Row], shape: Callable[[Row], Item]) -> Page[Item]:
    """A page of rows as a page of answers."""
    return Page(data=[shape(row) for row in rows.items], next_cursor=rows.next_cursor)


@dataclass(frozen=True, slots=True)
class StatusesOf:
    """One status of a noun, or several joined by commas."""

    noun: Noun

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, *_: Any) -> dict[str, Any]:
        return {"type": "string", "description": f"One of {self._known}, or several joined by commas."}

    @property
    def _known(self) -> str:
        return ", ".join(sorted(statuses(self.noun)))

    def _check(self, text: str) -> str:
        if set(text.split(",")) - statuses(self.noun):
            raise PydanticCustomError("unknown_status", "Statuses are {known}.", {"known": self._known})
        return text
