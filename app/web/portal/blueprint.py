"""The blueprint that the pages of this folder hang on, and what all of their templates know."""

from typing import Any

from flask import Blueprint

from app.present import present
from app.services.formats import method_name, paid_with
from app.web.checkout.reasons import reason_of
from app.web.invoice_status import status_shown
from app.web.methods import expiry
from app.web.signed_in import signed_in

pages = Blueprint("portal", __name__, url_prefix="/portal")


@pages.context_processor
def _surroundings() -> dict[str, Any]:
    someone = signed_in()
    at = present((someone and someone.customer_id) or "")
    return {
        "at": at,
        "today": at.date(),
        "method_name": method_name,
        "paid_with": paid_with,
        "expiry": expiry,
        "status_shown": status_shown,
        "reason_of": reason_of,
    }
