"""Fraud checks: payments that wait for somebody to look at them, the rules, and the lists."""

from contextlib import suppress

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.errors import Conflict
from app.domain.fraud import COUNTS, DEFAULTS, SIGNALS
from app.gateways import REGISTRY, gateway_class
from app.gateways.base import Capability, Gateway
from app.models import FraudEntry, FraudReview, FraudRule
from app.permissions import Permission
from app.queries import fraud as query
from app.queries.base import get
from app.services import charging, screening
from app.web.admin import listing
from app.web.admin.dialogs import confirm, dialog
from app.web.admin.forms.fraud import VERDICTS, EntryForm, RuleForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("fraud", __name__, url_prefix="/fraud")


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """What was held, what holds, and who is on the lists."""
    rules = query.rules()
    return render(
        "admin/fraud/list.html",
        reviews=query.reviews(listing.asked("status"), cursor=listing.cursor(), limit=listing.LIMIT),
        rules=rules,
        defaults=[] if rules else DEFAULTS,
        entries=query.entries(),
        signals=SIGNALS,
        counts=COUNTS,
        verdicts=VERDICTS,
        cannot_challenge=[one.title for one in map(gateway_class, REGISTRY) if _keeps_unchallenged(one)],
    )


@pages.post("/reviews/<review_id>/release")
@requires(Permission.COLLECT)
@once
def release(review_id: str) -> Response:
    """Let it be charged; what was to be charged with a kept method is tried at once."""
    with transaction():
        row = screening.release(review_id, clock.now())
        invoice_id, method_id = row.invoice_id, row.payment_method_id
    if method_id:
        with suppress(Conflict):  # the invoice's page says how it stands
            charging.collect(invoice_id, clock.now(), method_id=method_id)
    return done(url_for("admin.invoices.show", invoice_id=invoice_id), "The payment was released.")


@pages.get("/reviews/<review_id>/refusal")
@requires(Permission.COLLECT)
def ask_to_refuse(review_id: str) -> Response:
    """Ask before it is refused."""
    row = get(FraudReview, review_id)
    text = f"{row.customer.name} cannot pay invoice {row.invoice.number} any more. Nothing was charged."
    return confirm("Refuse this payment?", text, url_for(".refuse", review_id=row.id), "Refuse", url_for(".index"))


@pages.post("/reviews/<review_id>/refusal")
@requires(Permission.COLLECT)
def refuse(review_id: str) -> Response:
    """Never charge it."""
    with transaction():
        screening.refuse(review_id, clock.now())
    return done(url_for(".index"), "The payment was refused. Nothing was charged.")


@pages.get("/rules/new")
@requires(Permission.ADMINISTER)
def new_rule() -> Response:
    """The form for a rule."""
    return _rule_form(RuleForm())


@pages.post("/rules")
@requires(Permission.ADMINISTER)
@once
def create_rule() -> Response:
    """Add a rule. With the first one the rules that hold for everybody end."""
    form = RuleForm()
    if form.carry_out(lambda: _add_rule(form)):
        return done(url_for(".index"), "The rule was added and holds from now on.")
    return _rule_form(form)


@pages.post("/rules/<fraud_rule_id>/removal")
@requires(Permission.ADMINISTER)
def remove_rule(fraud_rule_id: str) -> Response:
    """Remove a rule."""
    get(FraudRule, fraud_rule_id)
    with transaction():
        screening.remove_rule(fraud_rule_id, clock.now())
    return done(url_for(".index"), "The rule was removed.")


@pages.get("/entries/new")
@requires(Permission.ADMINISTER)
def new_entry() -> Response:
    """The form for something on a list."""
    return _entry_form(EntryForm())


@pages.post("/entries")
@requires(Permission.ADMINISTER)
@once
def create_entry() -> Response:
    """Put something on a list."""
    form = EntryForm()
    if form.carry_out(lambda: _add_entry(form)):
        return done(url_for(".index"), "It is on the list.")
    return _entry_form(form)


@pages.post("/entries/<listed_id>/removal")
@requires(Permission.ADMINISTER)
def remove_entry(listed_id: str) -> Response:
    """Take something off a list."""
    get(FraudEntry, listed_id)
    with transaction():
        screening.remove_entry(listed_id, clock.now())
    return done(url_for(".index"), "It is off the list.")


def _add_rule(form: RuleForm) -> None:
    with transaction():
        screening.add_rule(form.signal.data, form.verdict.data, clock.now(), at_least=form.at_least.data or 1)


def _add_entry(form: EntryForm) -> None:
    with transaction():
        screening.add_entry(form.kind.data, str(form.value.data), clock.now(), allow=form.effect.data == "allow")


def _rule_form(form: RuleForm) -> Response:
    return dialog("admin/fraud/_rule.html", "Add a rule", ("Fraud checks", url_for(".index")), form=form)


def _entry_form(form: EntryForm) -> Response:
    return dialog("admin/fraud/_entry.html", "Add to a list", ("Fraud checks", url_for(".index")), form=form)


def _keeps_unchallenged(gateway: type[Gateway]) -> bool:
    """Whether it charges kept methods, and cannot have the payer's bank ask."""
    can = gateway.capabilities
    return Capability.SAVE_METHOD in can and Capability.CHALLENGE not in can
