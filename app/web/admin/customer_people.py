"""People of a customer who may sign in to the customer portal."""

from flask import Blueprint, Response, url_for

from app import clock
from app.db import transaction
from app.domain.errors import NotFound
from app.models import Customer, User
from app.permissions import Permission
from app.queries.base import get
from app.services import staff
from app.settings import current_settings
from app.web.admin.dialogs import dialog
from app.web.admin.forms.customers import AccessForm
from app.web.auth_guard import requires
from app.web.once import once
from app.web.rendering import done

pages = Blueprint("customer_people", __name__, url_prefix="/customers/<customer_id>/people")


@pages.get("/new")
@requires(Permission.SELL)
def new(customer_id: str) -> Response:
    """The form to invite somebody, filled with the customer's own address."""
    customer = get(Customer, customer_id)
    return _form(AccessForm(data={"name": customer.name, "email": customer.email}), customer)


@pages.post("/")
@requires(Permission.SELL)
@once
def create(customer_id: str) -> Response:
    """Invite somebody to the portal by mail."""
    customer = get(Customer, customer_id)
    form = AccessForm()
    if form.carry_out(lambda: _invite(form, customer_id)):
        return done(_page(customer_id), f"An invitation is on its way to {form.email.data}.")
    return _form(form, customer)


@pages.post("/<user_id>/invitation")
@requires(Permission.SELL)
def invite_again(customer_id: str, user_id: str) -> Response:
    """Mail another link."""
    with transaction():
        user = staff.invite_again(_theirs(customer_id, user_id), clock.now(), current_settings().base_url)
        email = user.email
    return done(_page(customer_id), f"Another invitation is on its way to {email}.")


@pages.post("/<user_id>/access")
@requires(Permission.SELL)
def switch(customer_id: str, user_id: str) -> Response:
    """Close the door to somebody, or open it again."""
    theirs = _theirs(customer_id, user_id)
    with transaction():
        closed = get(User, theirs).disabled_at is None
        (staff.disable if closed else staff.enable)(theirs, clock.now())
    return done(_page(customer_id), "They can sign in no more." if closed else "They can sign in again.")


def _invite(form: AccessForm, customer_id: str) -> None:
    with transaction():
        staff.invite(
            str(form.email.data),
            str(form.name.data),
            "customer",
            clock.now(),
            current_settings().base_url,
            customer_id=customer_id,
        )


def _theirs(customer_id: str, user_id: str) -> str:
    """The id of a user of this customer. Raises NotFound for anybody else, staff included."""
    user = get(User, user_id)
    if user.customer_id != get(Customer, customer_id).id:
        raise NotFound("This customer has no such person.", field="id")
    return user.id


def _page(customer_id: str) -> str:
    return url_for("admin.customers.show", customer_id=customer_id)


def _form(form: AccessForm, customer: Customer) -> Response:
    back = (customer.name, _page(customer.id))
    return dialog("admin/customers/_invitation.html", "Invite to the portal", back, form=form, customer=customer)
