"""One's own profile: the password, and the browsers that are signed in."""

from flask import Response, request, url_for

from app import clock
from app.db import transaction
from app.queries import logins as query
from app.services import logins
from app.web import throttle
from app.web.auth.blueprint import pages
from app.web.auth.devices import device
from app.web.auth.forms import ChangePasswordForm
from app.web.auth_guard import ANYBODY_SIGNED_IN, person, requires
from app.web.rendering import done, render


@pages.get("/profile")
@requires(*ANYBODY_SIGNED_IN)
def profile() -> Response:
    """Who one is here, the form for a new password, and the open sessions."""
    return _page(ChangePasswordForm())


@pages.post("/profile/password")
@requires(*ANYBODY_SIGNED_IN)
def change_password() -> Response:
    """Change the password, given the present one; the other sessions end."""
    form = ChangePasswordForm()
    if form.carry_out(lambda: _change(str(form.present.data), str(form.password.data))):
        return done(url_for("auth.profile"), "Your password is changed. Your other sessions were ended.")
    return _page(form)


@pages.post("/profile/sessions/<login_id>/end")
@requires(*ANYBODY_SIGNED_IN)
def end_session(login_id: str) -> Response:
    """End one session."""
    with transaction():
        logins.end(login_id, person().user_id, clock.now())
    return done(url_for("auth.profile"), "The session was ended.")


@pages.get("/profile/sessions/end")
@requires(*ANYBODY_SIGNED_IN)
def ask_to_end_sessions() -> Response:
    """Ask before all other sessions are ended."""
    return render(
        "shared/confirm.html",
        title="End your other sessions?",
        text="Every other browser that is signed in with your account has to sign in again. This one stays.",
        action=url_for("auth.end_sessions"),
        label="End other sessions",
        back=url_for("auth.profile"),
    )


@pages.post("/profile/sessions/end")
@requires(*ANYBODY_SIGNED_IN)
def end_sessions() -> Response:
    """End all sessions but this one."""
    with transaction():
        logins.end_others(person().login_id, person().user_id, clock.now())
    return done(url_for("auth.profile"), "Your other sessions were ended.")


def _page(form: ChangePasswordForm) -> Response:
    sessions = query.open_logins(person().user_id, clock.now())
    return render("auth/profile.html", form=form, sessions=sessions, device=device, status=form.status)


def _change(present: str, new: str) -> None:
    """Guessing the present password is slowed down like signing in."""
    someone, ip = person(), request.remote_addr or ""
    throttle.count("password", someone.user_id, ip)
    with transaction():
        logins.change_password(someone.login_id, someone.user_id, present, new, clock.now())
    throttle.forgive("password", someone.user_id, ip)
