"""Taxes: where the workspace is registered, and the rates that follow from it."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.zones import local_date
from app.permissions import Permission
from app.queries import records
from app.services import tenants
from app.web.admin import listing
from app.web.admin.choices import country_name
from app.web.admin.dialogs import dialog
from app.web.admin.forms.workspace import SCHEMES, RegistrationForm
from app.web.auth_guard import person, requires
from app.web.once import once
from app.web.rendering import done, render

pages = Blueprint("taxes", __name__, url_prefix="/taxes")
SCHEME_NAMES = {choice.value: choice.label for choice in SCHEMES}


@pages.get("/")
@requires(Permission.VIEW)
def index() -> Response:
    """The tax numbers of the workspace."""
    return render("admin/taxes/registrations.html", registrations=records.tax_registrations(), schemes=SCHEME_NAMES)


@pages.get("/rates")
@requires(Permission.VIEW)
def rates() -> Response:
    """The tax rates, by default those in force today."""
    today = local_date(clock.now(), person().timezone)
    filters = listing.asked("q", "country", "past")
    listed = records.tax_rates(filters, today, cursor=listing.cursor(), limit=listing.LIMIT)
    countries = [(code, country_name(code)) for code in records.tax_countries()]
    return listing.show_list("admin/taxes/rates.html", listed, ("rate", "rates"), countries=countries)


@pages.get("/registrations/new")
@requires(Permission.ADMINISTER)
def new() -> Response:
    """The form for a tax number."""
    return _form(RegistrationForm())


@pages.post("/registrations")
@requires(Permission.ADMINISTER)
@once
def create() -> Response:
    """Add a tax number: from now on its tax is charged there."""
    form = RegistrationForm()
    if form.carry_out(lambda: _register(form)):
        return done(url_for(".index"), "The registration was added. Its tax is charged from now on.")
    return _form(form)


def _register(form: RegistrationForm) -> None:
    with transaction():
        tenants.register_for_tax(
            form.country.data,
            form.region.data,
            form.scheme.data,
            str(form.number.data),
            clock.now(),
            valid_from=form.valid_from.data,
        )


def _form(form: RegistrationForm) -> Response:
    return dialog("admin/taxes/_form.html", "Add a registration", ("Taxes", url_for(".index")), form=form)
