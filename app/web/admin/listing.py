"""What every list does: read the filters, count, say how many there are, page on."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flask import Response, request, url_for

from app.domain.errors import InvalidInput
from app.domain.zones import start_of_day
from app.queries.filters import Filters, Listed
from app.web.auth_guard import person
from app.web.rendering import announce, render, url_with, wants_fragment

LIMIT = 50


def asked(*names: str) -> dict[str, str | None]:
    """The filters in the address, by name; empty ones are None."""
    return {name: request.args.get(name, "").replace("\0", "").strip() or None for name in names}


def translated(filters: Filters, name: str, table: Mapping[str, Filters]) -> dict[str, str | None]:
    """Filters in which a choice that stands for several is spelled out: `overdue` is open and due before now."""
    return {**filters, **table.get(filters.get(name) or "", {})}


def asked_days() -> dict[str, str | None]:
    """The days `from` and `until` in the address, both included, as the instants `since` and `before`.

    A day is one where the reader is. Raises InvalidInput for something that is not a day.
    """
    first, last = _day("from"), _day("until")
    return {
        "since": _midnight(first) if first else None,
        "before": _midnight(last + timedelta(days=1)) if last else None,
    }


def cursor() -> str | None:
    """From where on the list is asked for; None for its beginning."""
    return request.args.get("cursor") or None


def show_list(page: str, listed: Listed[Any], noun: tuple[str, str], **context: Any) -> Response:
    """The page of a list, or its fragment. `noun` is its singular and plural.

    Only the first page is counted; the rest is read on from there.
    """
    total = None if cursor() else listed.count()
    if wants_fragment():
        announce(_said(len(listed.items), total, noun))
    more = listed.next_cursor
    return render(
        page,
        rows=listed.items,
        total=total,
        filtered=any(value for name, value in request.args.items() if name != "cursor"),
        next_url=url_with(cursor=more) if more else None,
        **context,
    )


def _said(here: int, total: int | None, noun: tuple[str, str]) -> str:
    count = here if total is None else total
    words = f"{count:,} {noun[count != 1]}"
    return f"{words} more" if total is None else f"{words} found"


def _day(name: str) -> date | None:
    text = request.args.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput(
            f"“{text}” is not a day: write it like 2026-11-20.", code="invalid_day", field=name
        ) from None


def _midnight(day: date) -> str:
    return start_of_day(day, person().timezone).isoformat()


def same_filters(endpoint: str) -> str:
    """The address of another page with the filters of this one."""
    kept = {name: value for name, value in request.args.items() if value and name != "cursor"}
    return url_for(endpoint, **kept)  # type: ignore[arg-type]
