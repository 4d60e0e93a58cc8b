"""The page of the sandbox's bank, where payers approve test payments. It stands for a page outside of this house.

It knows the bank's own book and nothing of ours: no tenant, no customer, no session.
"""

from flask import Blueprint, Response

from app.domain.errors import NotFound
from app.domain.money import Money
from app.gateways.sandbox_bank import Charge, SandboxBank
from app.settings import current_settings
from app.web.rendering import render

pages = Blueprint("sandbox_bank", __name__, url_prefix="/sandbox-bank")

APPROVALS = {"approval": True, "refusal": False}


@pages.get("/<ref>")
def ask(ref: str) -> Response:
    """Ask the payer whether the payment is theirs."""
    charge = _waiting(ref)
    return render("sandbox_bank/ask.html", charge=charge, amount=Money(charge.minor, charge.currency))


@pages.post("/<ref>/<any(approval, refusal):answer>")
def take_answer(ref: str, answer: str) -> Response:
    """Write the answer down, once, and send the payer back to where they came from.

    The page leads them there, not the answer to its form: that may only lead inside (form-action).
    """
    charge, approved = _waiting(ref), APPROVALS[answer]
    _bank().answer(ref, approved=approved)
    response = render("sandbox_bank/answered.html", charge=charge, approved=approved)
    response.headers["Refresh"] = f"0; url={charge.return_url}"
    return response


def _waiting(ref: str) -> Charge:
    """The charge with that reference, if it waits for its payer. Raises NotFound for any other."""
    charge = _bank().find("", ref)
    if charge is None or charge.status != "requires_action":
        raise NotFound("No payment waits here for an answer: it has ended, or there never was one.", field="ref")
    return charge


def _bank() -> SandboxBank:
    return SandboxBank(current_settings().quittance_data_dir / "gateways" / "sandbox-bank.sqlite3")
