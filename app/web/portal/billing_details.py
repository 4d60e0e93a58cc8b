"""Who they are on their invoices: name, address, tax number, language."""

from flask import Blueprint, Response, url_for

from app.db import current_tenant_id, session, transaction
from app.domain.errors import InvalidInput
from app.domain.taxes import check_region
from app.models import Customer, Tenant
from app.permissions import Permission
from app.present import present
from app.queries.tax_books import location_of
from app.services import customers
from app.web.admin.forms.customers import ADDRESS, CustomerForm
from app.web.admin.forms.fields import known_or_current
from app.web.auth_guard import requires
from app.web.portal.own import own_customer
from app.web.rendering import done, render

pages = Blueprint("billing_details", __name__, url_prefix="/billing-details")


class BillingForm(CustomerForm):
    """What is printed on invoices, and how amounts and days are written there. The rest is not theirs to change."""

    email = kind = external_id = currency = timezone = test_clock_id = None

    @classmethod
    def of(cls, row: Customer) -> "BillingForm":
        """The form filled with what is known."""
        first = row.tax_ids[0] if row.tax_ids else {}
        known = {name: row.address.get(name) for name in ADDRESS}
        form = cls(obj=row, data={**known, "tax_id_kind": first.get("type", ""), "tax_id": first.get("value")})
        for field in (form.locale, form.country, form.tax_id_kind):
            known_or_current(field)
        return form


@pages.get("/")
@requires(Permission.OWN)
def show() -> Response:
    """What is known, to be corrected."""
    row = own_customer()
    return _page(row, BillingForm.of(row))


@pages.post("/")
@requires(Permission.OWN)
def change() -> Response:
    """Keep it, for the next invoices: those that were issued stay as they are."""
    row = own_customer()
    form = BillingForm.of(row)
    if not form.carry_out(lambda: _change(row, form)):
        return _page(row, form)
    return done(url_for("portal.billing_details.show"), "Your billing details are changed.")


def _change(row: Customer, form: BillingForm) -> None:
    """An address without what decides its tax would hold up the next invoice, so it is refused here."""
    try:
        check_region(location_of(form.address))
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, code=refusal.code, field="region") from None
    with transaction():
        customers.update(row.id, form.values(row), present(row.id))


def _page(row: Customer, form: BillingForm) -> Response:
    seller = session().get_one(Tenant, current_tenant_id())
    return render("portal/billing_details/form.html", status=form.status, row=row, form=form, seller=seller)
