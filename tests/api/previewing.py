"""What tests of previews ask, in a line or two: prices, places, tax numbers, plans."""

from fractions import Fraction
from typing import Any

from app.domain.derivation import Step
from app.domain.explain import recompute

Body = dict[str, Any]

AT = "2026-11-20T12:00:00Z"


def standard(unit_amount: str, **more: Any) -> Body:
    """A price for each unit."""
    return {"model": "standard", "unit_amount": unit_amount, **more}


def sold(price: Body, **more: Any) -> Body:
    """A line."""
    return {"description": "Something", "price": price, **more}


def invoice(*lines: Body, **more: Any) -> Body:
    """An invoice in Canadian dollars, as of 20 November 2026."""
    return {"currency": "CAD", "at": AT, "lines": list(lines), **more}


def hundred(**more: Any) -> Body:
    """A line of 100.00."""
    return {**sold(standard("100")), **more}


def buyer(place: str, kind: str = "consumer", **more: Any) -> Body:
    """A customer in a place such as CA-ON or DE."""
    country, _, region = place.partition("-")
    return {"address": {"country": country, "region": region or None}, "kind": kind, **more}


def tax_number(place: str, scheme: str, number: str = "") -> Body:
    """A registration of a place such as CA or CA-QC."""
    country, _, region = place.partition("-")
    return {"country": country, "region": region or None, "scheme": scheme, "number": number}


GST = tax_number("CA", "gst_hst", "826393555RT0001")
QST = tax_number("CA-QC", "qst", "1234567890TQ0001")
PST_BC = tax_number("CA-BC", "pst", "PST-1234-5678")
OSS = tax_number("IE", "oss_non_union", "EU372000041")
ONTARIO = {"customer": buyer("CA-ON"), "registrations": [GST]}


def plan(amount: str, every: str = "month", **more: Any) -> Body:
    """A plan in Canadian dollars."""
    return {"amount": amount, "currency": "CAD", "interval": every, **more}


def subscription(sold_plan: Any, start: str, **more: Any) -> Body:
    """A subscription in UTC, counted by day, from the start of a day or from an instant."""
    return {"plan": sold_plan, "start_at": instant(start), "timezone": "UTC", "proration": "day", **more}


def instant(text: str) -> str:
    """`2026-01-18` as its first instant in UTC; `2026-01-18T12:00` as it is."""
    return f"{text}T00:00:00Z" if "T" not in text else f"{text}:00Z"


def worth(line: Body) -> Fraction:
    """What a line adds to the total, computed again from its derivation alone."""
    return recompute(tuple(Step(**step) for step in line["derivation"]))
