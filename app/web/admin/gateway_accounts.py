"""Accounts at gateways: connected with the credentials that each gateway asks for, tried, rotated, disabled."""

from flask import Blueprint, Response, flash, request, url_for

from app import clock
from app.db import transaction
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability, Gateway
from app.models import GatewayAccount
from app.permissions import Permission
from app.queries import lists, timeline
from app.queries.base import get
from app.services import breakers, connections, gateway_accounts
from app.web.admin import activity, listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.workspace import (
    AccountForm,
    CredentialsForm,
    SendersForm,
    account_form,
    credentials,
)
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("gateway_accounts", __name__, url_prefix="/gateway-accounts")

CAN = {
    Capability.SAVE_METHOD: "Keeps payment methods",
    Capability.SETUP: "Has a form of its own for them",
    Capability.METHOD_UPDATES: "Follows cards that are replaced",
    Capability.OFF_SESSION: "Charges while the customer is away",
    Capability.HOSTED: "Takes payments on its own page, by a code or by phone",
    Capability.ANY_AMOUNT: "Books what payers send, even if it is less",
    Capability.PHONE: "Asks for the customer's phone number",
    Capability.CHOICES: "Lets customers choose what they pay in",
    Capability.NUMBERED: "Has an address of its own for every payment",
    Capability.PAYOUT: "Has you send refunds, and looks whether they went",
    Capability.WATCH: "Is watched for money that arrives",
    Capability.KEEP: "Keeps what was paid with there",
    Capability.FORM: "Shows its form on our pages, with the key or ID for it",
    Capability.CHALLENGE: "Has the customer's bank ask them when we want it",
    Capability.RESUME: "Lets customers approve at their bank",
    Capability.CAPTURE: "Authorizes first, captures later",
    Capability.PARTIAL_CAPTURE: "Captures a part",
    Capability.VOID: "Gives up unfinished payments",
    Capability.REFUND: "Refunds",
    Capability.PARTIAL_REFUND: "Refunds a part",
    Capability.MULTI_REFUND: "Refunds in several parts",
    Capability.WEBHOOKS: "Sends notices of what changes",
    Capability.DISPUTES: "Tells of disputes",
    Capability.LIST_TRANSACTIONS: "Lists its transactions to compare",
}


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """All accounts, disabled ones too."""
    listed = lists.gateway_accounts(cursor=listing.cursor(), limit=listing.LIMIT)
    return listing.show_list("admin/gateway_accounts/list.html", listed, ("account", "accounts"), titles=_titles())


@pages.get("/new")
@requires(Permission.ADMINISTER)
def new() -> Response:
    """Which gateway; then the form that it asks for."""
    gateway = request.args.get("gateway")
    if not gateway:
        back = ("Gateway accounts", url_for(".index"))
        return dialog("admin/gateway_accounts/_choice.html", "Connect an account", back, gateways=_gateways())
    adapter = gateway_class(gateway)
    return _form(account_form(AccountForm, adapter), adapter)


@pages.post("/<gateway>/accounts")
@requires(Permission.ADMINISTER)
@once
def create(gateway: str) -> Response:
    """Connect an account, and try its credentials."""
    adapter = gateway_class(gateway)
    form = account_form(AccountForm, adapter)
    if form.carry_out(lambda: _create(form, adapter)):
        _tell(form.result)
        return done(url_for(".show", account_id=form.result))
    return _form(form, adapter)


@pages.get("/<account_id>")
@requires(Permission.VIEW)
def show(account_id: str) -> Response:
    """An account: what its gateway can do, and what was done with it."""
    row = get(GatewayAccount, account_id)
    adapter = gateway_class(row.gateway)
    return render(
        "admin/gateway_accounts/detail.html",
        account=row,
        adapter=adapter,
        breaker=breakers.state(row),
        can=_abilities(adapter),
        webhook_url=gateway_accounts.webhook_address(row) if Capability.WEBHOOKS in adapter.capabilities else None,
        timeline=activity.told(timeline.of_subjects([row.id]), on_page_of=row.id),
    )


@pages.post("/<account_id>/connection-test")
@requires(Permission.ADMINISTER)
def try_connection(account_id: str) -> Response:
    """Ask the gateway whether it lets us in."""
    get(GatewayAccount, account_id)
    _tell(account_id)
    return done(url_for(".show", account_id=account_id))


@pages.get("/<account_id>/credentials")
@requires(Permission.ADMINISTER)
def edit(account_id: str) -> Response:
    """The form for new credentials. The old ones are never shown."""
    row = get(GatewayAccount, account_id)
    return _credentials(account_form(CredentialsForm, gateway_class(row.gateway)), row)


@pages.post("/<account_id>/credentials")
@requires(Permission.ADMINISTER)
def rotate(account_id: str) -> Response:
    """Replace the credentials, and try them."""
    row = get(GatewayAccount, account_id)
    adapter = gateway_class(row.gateway)
    form = account_form(CredentialsForm, adapter)
    if form.carry_out(lambda: _rotate(account_id, credentials(form, adapter))):
        _tell(account_id)
        return done(url_for(".show", account_id=account_id))
    return _credentials(form, row)


@pages.get("/<account_id>/disabling")
@requires(Permission.ADMINISTER)
def ask_to_disable(account_id: str) -> Response:
    """Ask before an account is disabled."""
    row = get(GatewayAccount, account_id)
    return confirm(
        f"Disable {row.name}?",
        "Nothing new is charged through it, and methods kept there cannot be charged. Open payments are followed to"
        " their end.",
        url_for(".disable", account_id=account_id),
        "Disable",
        url_for(".show", account_id=account_id),
    )


@pages.post("/<account_id>/disabling")
@requires(Permission.ADMINISTER)
def disable(account_id: str) -> Response:
    """Start nothing new on an account."""
    with transaction():
        gateway_accounts.disable(account_id, clock.now())
    return done(url_for(".show", account_id=account_id), "The account is disabled.")


@pages.get("/<account_id>/senders")
@requires(Permission.ADMINISTER)
def ask_senders(account_id: str) -> Response:
    """The form of the addresses that webhooks may come from."""
    row = get(GatewayAccount, account_id)
    return _senders(SendersForm(data={"senders": " ".join(row.webhook_senders)}), row)


@pages.post("/<account_id>/senders")
@requires(Permission.ADMINISTER)
def restrict_senders(account_id: str) -> Response:
    """Say where webhooks may come from."""
    row = get(GatewayAccount, account_id)
    form = SendersForm()
    if form.carry_out(lambda: _restrict(account_id, (form.senders.data or "").split())):
        return done(url_for(".show", account_id=account_id), "The senders were saved. They hold within seconds.")
    return _senders(form, row)


def _abilities(adapter: type[Gateway]) -> list[str]:
    """What a gateway can do; of what it reserves, for how long and where."""
    words = {**CAN, Capability.CAPTURE: f"{CAN[Capability.CAPTURE]}, within {adapter.holds_for.days} days"}
    if not adapter.holds_pages:
        words[Capability.CAPTURE] += ", but not on its own page"
    return [words[capability] for capability in CAN if capability in adapter.capabilities]


def _restrict(account_id: str, networks: list[str]) -> None:
    with transaction():
        gateway_accounts.restrict_senders(account_id, networks, clock.now())


def _senders(form: SendersForm, row: GatewayAccount) -> Response:
    back = (row.name, url_for(".show", account_id=row.id))
    return dialog("admin/gateway_accounts/_senders.html", "Senders of webhooks", back, form=form, account=row)


def _tell(account_id: str) -> None:
    fault = connections.fault_of(account_id)
    flash(fault or "The gateway lets us in: the connection works.", "danger" if fault else "success")


def _create(form: AccountForm, adapter: type[Gateway]) -> str:
    name, mode, secrets = str(form.name.data), form.mode.data, credentials(form, adapter)
    with transaction():
        return gateway_accounts.create(name, adapter.name, secrets, clock.now(), mode=mode).id


def _rotate(account_id: str, secrets: dict[str, str]) -> None:
    with transaction():
        gateway_accounts.replace_credentials(account_id, secrets, clock.now())


def _gateways() -> list[type[Gateway]]:
    return sorted((gateway_class(name) for name in REGISTRY), key=lambda adapter: adapter.title)


def _titles() -> dict[str, str]:
    return {adapter.name: adapter.title for adapter in _gateways()}


def _form(form: AccountForm, adapter: type[Gateway]) -> Response:
    back = ("Gateway accounts", url_for(".index"))
    part = "admin/gateway_accounts/_form.html"
    return dialog(part, f"Connect {adapter.title}", back, form=form, adapter=adapter)


def _credentials(form: CredentialsForm, row: GatewayAccount) -> Response:
    back = (row.name, url_for(".show", account_id=row.id))
    return dialog(
        "admin/gateway_accounts/_credentials.html", f"New credentials for {row.name}", back, form=form, account=row
    )
