"""Disputes: who wants money back, why, and until when the gateway takes evidence."""

from flask import Blueprint, Response

from app import clock
from app.models import Dispute
from app.permissions import Permission
from app.queries import disputes, timeline
from app.queries.base import get
from app.web.admin import activity, listing
from app.web.auth_guard import requires
from app.web.rendering import render

pages = Blueprint("disputes", __name__, url_prefix="/disputes")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All disputes."""
    filters = listing.asked("q", "status", "customer", "payment")
    listed = disputes.disputes(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/disputes/list.html", listed, ("dispute", "disputes"))


@pages.get("/<dispute_id>")
@requires(Permission.VIEW)
def show(dispute_id: str) -> Response:
    """One dispute, and what happened to it."""
    row = get(Dispute, dispute_id)
    told = activity.told(timeline.of_subjects([row.id], customer_id=row.customer_id), on_page_of=row.id)
    return render("admin/disputes/detail.html", dispute=row, timeline=told, now=clock.now())
