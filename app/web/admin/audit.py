"""Who did what, and when."""

from flask import Blueprint, Response

from app.permissions import Permission
from app.queries import records, timeline
from app.web.admin import listing
from app.web.admin.activity import action_words
from app.web.admin.subjects import address_of
from app.web.auth_guard import requires

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """The audit log."""
    filters = {**listing.asked("q", "kind", "actor"), **listing.asked_days()}
    listed = records.audit_entries(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/audit/list.html",
        listed,
        ("entry", "entries"),
        names=timeline.names_of(row.actor_id for row in listed.items),
        action_words=action_words,
        address_of=address_of,
    )
