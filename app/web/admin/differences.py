"""What gateways say otherwise than our books: open differences with what to do, and the days that were compared."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.differences import KINDS
from app.models import Difference
from app.permissions import Permission
from app.queries import lists, reconciliation
from app.queries.base import get
from app.services import reconciling
from app.web.admin import listing
from app.web.admin.dialogs import dialog
from app.web.admin.forms.webhooks import DismissalForm
from app.web.admin.subjects import address_of
from app.web.auth_guard import requires
from app.web.rendering import done

pages = Blueprint("differences", __name__, url_prefix="/reconciliation")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All differences, by state, kind and account."""
    filters = listing.asked("q", "state", "kind", "account")
    listed = reconciliation.differences(filters, cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list(
        "admin/differences/list.html",
        listed,
        ("difference", "differences"),
        kinds=KINDS,
        accounts=[(account.id, account.name) for account in lists.gateway_accounts().items],
        unlisted=reconciling.unlisted(),
        address_of=address_of,
    )


@pages.get("/days")
@requires(Permission.VIEW)
def days() -> Response:
    """The days that were compared, or have to be."""
    listed = reconciliation.runs(listing.asked("state", "account"), cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/differences/days.html", listed, ("day", "days"))


@pages.get("/<difference_id>/dismissal")
@requires(Permission.COLLECT)
def ask_dismissal(difference_id: str) -> Response:
    """Ask what explains a difference."""
    return _dismissal(DismissalForm(), get(Difference, difference_id))


@pages.post("/<difference_id>/dismissal")
@requires(Permission.COLLECT)
def dismiss(difference_id: str) -> Response:
    """Put a difference away that is explained."""
    row = get(Difference, difference_id)
    form = DismissalForm()
    if form.carry_out(lambda: _dismiss(difference_id, form.reason.data or "")):
        return done(url_for(".index", state="open"), "The difference was put away.")
    return _dismissal(form, row)


def _dismiss(difference_id: str, reason: str) -> None:
    with transaction():
        reconciling.dismiss(difference_id, clock.now(), reason=reason)


def _dismissal(form: DismissalForm, row: Difference) -> Response:
    back = ("Reconciliation", url_for(".index", state="open"))
    return dialog(
        "admin/differences/_dismissal.html", "Dismiss this difference?", back, form=form, row=row, kind=KINDS[row.kind]
    )
