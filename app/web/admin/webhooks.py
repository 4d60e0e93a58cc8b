"""Webhooks of gateways: what came, what became of it, and what was laid aside for somebody to look at."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.errors import Conflict
from app.models import InboxNotice
from app.permissions import Permission
from app.queries import inbox, lists, timeline
from app.queries.base import get
from app.services import inbox_reading, inbox_work
from app.services.inbox_reading import Reading
from app.web.admin import activity, listing
from app.web.admin.dialogs import dialog
from app.web.admin.forms.webhooks import DismissalForm
from app.web.admin.subjects import address_of
from app.web.auth_guard import requires
from app.web.rendering import done, render

pages = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All notices, by state, kind and account."""
    filters = {**listing.asked("q", "state", "kind", "account"), **listing.asked_days()}
    listed = inbox.notices(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    accounts = [(account.id, account.name) for account in lists.gateway_accounts().items]
    return listing.show_list(
        "admin/webhooks/list.html", listed, ("webhook", "webhooks"), accounts=accounts, address_of=address_of
    )


@pages.get("/<notice_id>")
@requires(Permission.VIEW)
def show(notice_id: str) -> Response:
    """One notice with the webhook that brought it."""
    row = get(InboxNotice, notice_id)
    reading, locked = _read(row)
    return render(
        "admin/webhooks/detail.html",
        notice=row,
        reading=reading,
        locked=locked,
        address=address_of(row.subject_id),
        timeline=activity.told(timeline.of_subjects([row.id]), on_page_of=row.id),
    )


@pages.post("/<notice_id>/replay")
@requires(Permission.COLLECT)
def replay(notice_id: str) -> Response:
    """Work on a notice once more."""
    with transaction():
        inbox_work.replay(notice_id, clock.now())
    return done(url_for(".show", notice_id=notice_id), "The webhook is worked on again within a few seconds.")


@pages.get("/<notice_id>/dismissal")
@requires(Permission.COLLECT)
def ask_dismissal(notice_id: str) -> Response:
    """Ask why nothing is to be done."""
    return _dismissal(DismissalForm(), get(InboxNotice, notice_id))


@pages.post("/<notice_id>/dismissal")
@requires(Permission.COLLECT)
def dismiss(notice_id: str) -> Response:
    """Put a notice away."""
    row = get(InboxNotice, notice_id)
    form = DismissalForm()
    if form.carry_out(lambda: _dismiss(notice_id, form.reason.data or "")):
        return done(url_for(".show", notice_id=notice_id), "The webhook was put away.")
    return _dismissal(form, row)


def _dismiss(notice_id: str, reason: str) -> None:
    with transaction():
        inbox_work.dismiss(notice_id, clock.now(), reason=reason)


def _read(row: InboxNotice) -> tuple[Reading | None, str | None]:
    """What it says, or why it cannot be opened."""
    try:
        return inbox_reading.read(row), None
    except Conflict as conflict:
        return None, conflict.message


def _dismissal(form: DismissalForm, row: InboxNotice) -> Response:
    back = ("Webhook", url_for(".show", notice_id=row.id))
    return dialog("admin/webhooks/_dismissal.html", "Dismiss this webhook?", back, form=form, notice=row)
