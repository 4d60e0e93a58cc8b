"""Mails to customers: sent, waiting, given up."""

from flask import Blueprint, Response, url_for

from app.db import transaction
from app.permissions import Permission
from app.present import present
from app.queries import records
from app.services import mails
from app.web.admin import listing
from app.web.auth_guard import requires
from app.web.rendering import done

pages = Blueprint("mails", __name__, url_prefix="/mails")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All mails, with what became of them."""
    filters = listing.asked("q", "state", "template")
    listed = records.mails(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/mails/list.html", listed, ("mail", "mails"))


@pages.post("/<mail_id>/sending")
@requires(Permission.COLLECT)
def resend(mail_id: str) -> Response:
    """Try a failed mail again."""
    with transaction():
        mails.resend(mail_id, present(mail_id))
    return done(url_for(".index"), "The mail is sent again within a few seconds.")
