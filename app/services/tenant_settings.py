"""What a tenant says about itself, and how it deals with those who do not pay."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from babel import Locale, UnknownLocaleError

from app.db import current_tenant_id, session
from app.domain.errors import InvalidInput
from app.domain.zones import zone
from app.models import Tenant
from app.services import late_money
from app.services.dunning import rules_of
from app.services.history import audit
from app.services.invoice_numbers import NUMBERINGS
from app.services.users import clean_email

PROFILE = frozenset("name legal_name email address timezone locale invoice_prefix".split())
LONGEST_DAYS = 365
HOURS = {"grace_hours": (0, 72), "incomplete_hours": (1, 24 * 365)}
REVIEWED = {"review_lines": (1, 10_000), "review_amount": (1, 10**12)}
DAYS = ("net_days", "grace_days")
SWITCHES = ("portal_changes", "portal_pauses")


def change_profile(values: Mapping[str, Any], at: datetime) -> Tenant:
    """Change names, addresses and the like of the tenant in scope. Invoices issued before stay as they are.

    Raises InvalidInput, naming the field.
    """
    row = _tenant()
    fixed = sorted(values.keys() - PROFILE)
    if fixed:
        raise InvalidInput(f"{fixed[0]} of a workspace cannot be changed.", code="not_editable", field=fixed[0])
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    _check_profile(row)
    if changed:
        audit("tenant.update", row.id, at, fields=sorted(changed))
    return row


def change_settings(values: Mapping[str, Any], at: datetime) -> Tenant:
    """Override `Tenant.SETTINGS` of the tenant in scope. Raises InvalidInput, naming the setting."""
    row = _tenant()
    unknown = sorted(values.keys() - Tenant.SETTINGS.keys())
    if unknown:
        raise InvalidInput(f"There is no setting {unknown[0]}.", code="unknown_setting", field=unknown[0])
    row.settings = {**row.settings, **values}
    _check_settings(row)
    audit("tenant.settings", row.id, at, **values)
    return row


def _tenant() -> Tenant:
    return session().get_one(Tenant, current_tenant_id(), with_for_update=True, populate_existing=True)


def _check_profile(row: Tenant) -> None:
    for name in ("name", "legal_name"):
        if not (getattr(row, name) or "").strip():
            raise InvalidInput(f"{name} is missing.", code="missing", field=name)
    row.email = clean_email(row.email or "")
    zone(row.timezone)
    try:
        Locale.parse(row.locale)
    except (UnknownLocaleError, ValueError):
        raise InvalidInput(
            f"“{row.locale}” is not a language with a country, such as en_CA or fr_CA.",
            code="unknown_locale",
            field="locale",
        ) from None


def _check_settings(row: Tenant) -> None:
    for name in DAYS:
        days = row.setting(name)
        if type(days) is not int or not 0 <= days <= LONGEST_DAYS:
            raise InvalidInput(f"{name} is a number of days from 0 to {LONGEST_DAYS}.", code="invalid_days", field=name)
    for name, (least, most) in HOURS.items():
        hours = row.setting(name)
        if type(hours) is not int or not least <= hours <= most:
            raise InvalidInput(f"{name} is a number of hours from {least} to {most}.", code="invalid_hours", field=name)
    for name, (low, high) in REVIEWED.items():
        most = row.setting(name)
        if type(most) is not int or not low <= most <= high:
            message = f"{name} is a whole number from {low:,} to {high:,}."
            raise InvalidInput(message, code="invalid_limit", field=name)
    for name in SWITCHES:
        if type(row.setting(name)) is not bool:
            raise InvalidInput(f"{name} is true or false.", code="invalid_switch", field=name)
    if row.setting("numbering") not in NUMBERINGS:
        raise InvalidInput("numbering is tenant or customer.", code="invalid_numbering", field="numbering")
    if row.setting("late_money") not in late_money.CHOICES:
        raise InvalidInput("late_money is balance or refund.", code="invalid_late_money", field="late_money")
    try:
        rules_of(row)
    except ValueError:
        raise InvalidInput(
            "final_action is cancel, unpaid or keep_past_due.", code="invalid_final_action", field="final_action"
        ) from None
