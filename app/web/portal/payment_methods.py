"""What they pay with: added, made the default, removed."""

from collections.abc import Sequence

from flask import Blueprint, Response, flash, request, url_for
from wtforms import BooleanField

from app.db import transaction
from app.domain.errors import Conflict, NotFound
from app.gateways.types import ClientToken, Redirect
from app.models import GatewayAccount, PaymentMethod, Subscription
from app.permissions import Permission
from app.present import present
from app.queries import portal as query
from app.services import payment_methods, ways
from app.services.formats import method_name
from app.web.auth_guard import requires
from app.web.checkout import gateway_forms, methods, setups
from app.web.checkout.gateway_forms import TokenForm
from app.web.checkout.methods import NewMethod
from app.web.forms import Form
from app.web.once import once
from app.web.portal.own import own, own_customer, own_id
from app.web.rendering import done, go, render

pages = Blueprint("payment_methods", __name__, url_prefix="/payment-methods")


class DefaultForm(Form):
    """Whether a new method is charged from now on."""

    default = BooleanField("Use it for all payments from now on", default=True)


@pages.get("/")
@requires(Permission.OWN)
def index() -> Response:
    """All of them, with what each of them pays for."""
    kept = query.methods_of(own_id())
    return render("portal/payment_methods/list.html", rows=kept, pays_for=_pays_for(kept))


@pages.get("/new")
@requires(Permission.OWN)
def new() -> Response:
    """Choose where to add one, and fill in what it asks."""
    return _new(methods.offered(own_customer().currency), DefaultForm())


@pages.post("/new/<account_id>")
@requires(Permission.OWN)
@once
def add(account_id: str) -> Response:
    """Keep it."""
    offered, form = methods.offered(own_customer().currency), DefaultForm()
    wanted = next((way for way in offered if way.account.id == account_id), None)
    if wanted is None:
        raise NotFound("No payment method can be added there.", field="account")
    well_filled = wanted.form.validate()
    if not well_filled or not form.carry_out(lambda: methods.add(own_id(), wanted, default=bool(form.default.data))):
        return _new(offered, form, status=422)
    return done(url_for("portal.payment_methods.index"), f"{method_name(form.result)} was added.")


@pages.get("/new/<account_id>/form")
@requires(Permission.OWN)
def fill_in(account_id: str) -> Response:
    """The gateway's own form, in which they leave one."""
    return _form(_account(account_id), Form())


@pages.post("/new/<account_id>/form")
@requires(Permission.OWN)
@once
def keep(account_id: str) -> Response:
    """Keep what the form gave. A refusal is said above the form, which is there again."""
    account = _account(account_id)
    form = TokenForm(ways.form_of(account))
    if not form.carry_out(lambda: methods.keep(own_id(), account.id, str(form.token.data), default=True)):
        return _form(account, form)
    return done(url_for("portal.payment_methods.index"), _added(form.result))


@pages.post("/new/<account_id>/page")
@requires(Permission.OWN)
@once
def leave(account_id: str) -> Response:
    """On to the gateway's own page, where they leave one."""
    account = _account(account_id)
    action = setups.begin(own_id(), account, by_form=False)
    if not isinstance(action, Redirect):
        raise Conflict("No payment method can be added there at the moment.", code="setup_failed")
    response = render("portal/payment_methods/onward.html", url=action.url, title=setups.title(account))
    response.headers["Refresh"] = f"0; url={action.url}"  # led there by the page: a form may only lead inside
    return response


@pages.get("/new/<account_id>/return")
@requires(Permission.OWN)
def come_back(account_id: str) -> Response:
    """Keep what they left on the gateway's page, which the gateway is asked about; without a token it is nothing."""
    token = setups.brought_back(account_id, request.args)
    try:
        row = methods.keep(own_id(), account_id, token, default=True) if token else None
    except Conflict as refusal:
        flash(refusal.message, "warning")
        return go(url_for("portal.payment_methods.new"))
    return done(url_for("portal.payment_methods.index"), _added(row) if row else "Nothing was added.")


@pages.post("/<method_id>/default")
@requires(Permission.OWN)
def make_default(method_id: str) -> Response:
    """Charge this one from now on; what is due is tried with it at once."""
    row = own(PaymentMethod, method_id)
    with transaction():
        payment_methods.make_default(row.id, present(row.id))
    return done(url_for("portal.payment_methods.index"), f"{method_name(row)} is your default method now.")


@pages.get("/<method_id>/removal")
@requires(Permission.OWN)
def ask_to_remove(method_id: str) -> Response:
    """Ask before it is gone."""
    return _removal(own(PaymentMethod, method_id), Form())


@pages.post("/<method_id>/removal")
@requires(Permission.OWN)
def remove(method_id: str) -> Response:
    """Remove it. The last one of a running subscription stays, and the form says why."""
    row, form = own(PaymentMethod, method_id), Form()
    if not form.carry_out(lambda: _remove(row.id)):
        return _removal(row, form)
    return done(url_for("portal.payment_methods.index"), f"{method_name(row)} was removed.")


def _remove(method_id: str) -> None:
    with transaction():
        payment_methods.remove(method_id, present(method_id))


def _removal(row: PaymentMethod, form: Form) -> Response:
    return render("portal/payment_methods/removal.html", status=form.status, row=row, form=form)


def _account(account_id: str) -> GatewayAccount:
    """Where a method can be left. Raises NotFound for any other account."""
    account = next((row for row in setups.offered(own_customer().currency) if row.id == account_id), None)
    if account is None:
        raise NotFound("No payment method can be added there.", field="account")
    return account


def _form(account: GatewayAccount, form: Form) -> Response:
    """The page with the gateway's form; where the account has none (any more), they choose anew."""
    asked = setups.begin(own_id(), account, by_form=True)
    shown = gateway_forms.to_leave(own_customer(), account, asked) if isinstance(asked, ClientToken) else None
    if shown is None:
        return go(url_for("portal.payment_methods.new"))
    page = render("portal/payment_methods/gateway_form.html", status=form.status, shown=shown, form=form)
    return gateway_forms.admit(page, shown)


def _added(row: PaymentMethod) -> str:
    return f"{method_name(row)} was added and is your default method now."


def _new(offered: list[NewMethod], form: DefaultForm, status: int = 200) -> Response:
    left = [(one, setups.title(one), setups.has_form(one)) for one in setups.offered(own_customer().currency)]
    return render("portal/payment_methods/new.html", status=status, offered=offered, left=left, form=form)


def _pays_for(kept: Sequence[PaymentMethod]) -> dict[str, list[Subscription]]:
    """The running subscriptions that each method is charged for: those that chose it, else the default's."""
    own_ones = {method.id for method in kept}
    default = next((method.id for method in kept if method.is_default), None)
    found: dict[str, list[Subscription]] = {method.id: [] for method in kept}
    for row in query.subscriptions_of(own_id()):
        charged = row.payment_method_id if row.payment_method_id in own_ones else default
        if charged and row.collection == "automatic" and row.status not in query.ENDED:
            found[charged].append(row)
    return found
