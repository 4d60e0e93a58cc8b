"""A forgotten password: a link by mail, and a new password with the link."""

from flask import Response, request, url_for

from app import clock
from app.services import users
from app.settings import current_settings
from app.web import throttle
from app.web.auth.blueprint import pages
from app.web.auth.forms import ForgottenForm, NewPasswordForm
from app.web.rendering import done, render

SENT = "If that address is known here, a link is on its way to it. It works for one hour."


@pages.get("/password/forgotten")
def forgotten() -> Response:
    """Ask for the address."""
    return render("auth/forgotten.html", form=ForgottenForm())


@pages.post("/password/forgotten")
def send_reset() -> Response:
    """Mail a link. The answer is the same whether or not the address is known."""
    form = ForgottenForm()
    if not form.validate():
        return render("auth/forgotten.html", form=form, status=form.status)
    email = str(form.email.data)
    throttle.count("reset", email.lower(), request.remote_addr or "")
    users.request_reset(email, clock.now(), current_settings().base_url)
    return done(url_for("auth.sign_in"), SENT)


@pages.get("/password/<secret>")
def new_password(secret: str) -> Response:
    """Ask for the new password. Opening the link uses nothing up: mail scanners open links too."""
    return render("auth/new_password.html", form=NewPasswordForm(), secret=secret)


@pages.post("/password/<secret>")
def set_password(secret: str) -> Response:
    """Set it, once; every session of the user ends."""
    form = NewPasswordForm()
    if form.carry_out(lambda: users.reset_password(secret, str(form.password.data), clock.now())):
        return done(url_for("auth.sign_in"), "Your password is set. Sign in with it.")
    return render("auth/new_password.html", form=form, secret=secret, status=form.status)
