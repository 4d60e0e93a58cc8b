"""Which gateway account takes which payment: the rules, and a question to try them with."""

from flask import Blueprint, Response, request, url_for
from werkzeug.datastructures import MultiDict

from app import clock
from app.db import transaction
from app.domain.errors import InvalidInput
from app.models import GatewayAccount, RoutingRule
from app.permissions import Permission
from app.queries import routing as query
from app.queries.base import get
from app.services import breakers, routing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.routing import CaseForm, RuleForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("routing", __name__, url_prefix="/routing")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """The rules in their order; and, for a payment that is described in the address, who would take it."""
    form = CaseForm(formdata=MultiDict(request.args))
    takers = _takers(form) if "amount" in request.args else None
    return render(
        "admin/routing/list.html",
        status=form.status,
        rules=query.rules(),
        form=form,
        takers=takers,
        state=breakers.state,
    )


@pages.get("/new")
@requires(Permission.ADMINISTER)
def new() -> Response:
    """The form for a rule."""
    return _form(RuleForm())


@pages.post("/")
@requires(Permission.ADMINISTER)
@once
def create() -> Response:
    """Add a rule: it holds for the next payment."""
    form = RuleForm()
    if form.carry_out(lambda: _add(form)):
        return done(url_for(".index"), "The rule was added and holds from now on.")
    return _form(form)


@pages.get("/<rule_id>/removal")
@requires(Permission.ADMINISTER)
def ask_to_remove(rule_id: str) -> Response:
    """Ask before a rule is removed."""
    row = get(RoutingRule, rule_id)
    text = f"Payments are no longer led to {row.gateway_account.name} by it. Open payments stay where they are."
    return confirm("Remove this rule?", text, url_for(".remove", rule_id=row.id), "Remove", url_for(".index"))


@pages.post("/<rule_id>/removal")
@requires(Permission.ADMINISTER)
def remove(rule_id: str) -> Response:
    """Remove a rule."""
    with transaction():
        routing.remove(rule_id, clock.now())
    return done(url_for(".index"), "The rule was removed.")


def _takers(form: CaseForm) -> list[GatewayAccount] | None:
    """The accounts in the order in which they would be tried; None while the question is not well put."""
    if not form.validate():
        return None
    try:
        return routing.accounts_for(form.case(), form.invoice.data or "")
    except InvalidInput as refusal:
        form.refuse(refusal)
    return None


def _add(form: RuleForm) -> None:
    values = form.values()
    with transaction():
        routing.add(form.account.data, clock.now(), **values)


def _form(form: RuleForm) -> Response:
    return dialog("admin/routing/_form.html", "Add a rule", ("Routing", url_for(".index")), form=form)
