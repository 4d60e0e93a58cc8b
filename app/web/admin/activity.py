"""The timeline in words: what happened, to what, why, and by whom."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from app.domain.errors import BillingError
from app.domain.money import Money
from app.queries.timeline import Moment
from app.web.admin.happenings import WORDS
from app.web.admin.subjects import address_of, noun_of
from app.web.formats import money
from app.web.statuses import STATUSES


class Line(NamedTuple):
    """An entry for the component `page.timeline`."""

    at: datetime
    icon: str
    text: str
    note: str | None


OTHER_ICON = "dot"


def told(moments: Sequence[Moment], *, on_page_of: str | None = None) -> list[Line]:
    """The moments as lines of a timeline; those about something else than the page in view lead to its page."""
    return [_line(moment, on_page_of) for moment in moments]


def action_words(name: str) -> str:
    """An event or an audited action in words: `gateway_account.rotate` is “Credentials replaced”."""
    if name in WORDS:
        return WORDS[name][1]
    noun, _, verb = name.replace("_", " ").partition(".")
    return f"{noun.capitalize()}: {verb}" if verb else noun.capitalize()


def _line(moment: Moment, on_page_of: str | None) -> Line:
    icon = WORDS.get(moment.name, (OTHER_ICON, ""))[0]
    text = _move(moment) if moment.name == "status" else action_words(moment.name)
    address = address_of(moment.subject_id) if moment.subject_id != on_page_of else None
    linked = Markup('<a href="{}">{}</a>').format(address, text) if address else text
    return Line(moment.at, icon, linked, _note(moment))


def _move(moment: Moment) -> str:
    looks = STATUSES.get(noun_of(moment.subject_id), {})
    new = str(moment.facts["new"])
    label = looks[new].label if new in looks else new
    return f"{noun_of(moment.subject_id).capitalize()} is now: {label}"


def _note(moment: Moment) -> str | None:
    who = f"by {moment.actor}" if moment.actor else None
    changed = moment.facts.get("fields")
    what = ", ".join(changed).replace("_", " ") if changed else None
    return " · ".join(filter(None, (_amount(moment), what, moment.why, who))) or None


def _amount(moment: Moment) -> str | None:
    """Events write amounts as `22.60 CAD`."""
    written = str(moment.facts.get("amount") or moment.facts.get("total") or "")
    major, _, currency = written.partition(" ")
    try:
        return money(Money.parse(major, currency)) if currency else None
    except BillingError:
        return written
