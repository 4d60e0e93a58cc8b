"""The blueprint that the pages of this folder hang on, and what all of its templates know."""

from typing import Any

from flask import Blueprint

from app import clock
from app.services.formats import method_name
from app.web.methods import expiry
from app.web.payer import payer
from app.web.qr import qr_code

pages = Blueprint("checkout", __name__, url_prefix="/pay")


@pages.context_processor
def _surroundings() -> dict[str, Any]:
    now = clock.now()
    return {
        "payer": payer(),
        "method_name": method_name,
        "expiry": expiry,
        "qr_code": qr_code,
        "now": now,
        "today": now.date(),
    }
