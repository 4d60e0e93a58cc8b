"""Signing in with a code that comes by mail, for people of customers: they may have no password, and need none."""

from flask import Response, request, session, url_for

from app import clock
from app.services import sign_in_codes
from app.web import throttle
from app.web.auth.blueprint import pages
from app.web.auth.forms import CodeForm, CodeRequestForm
from app.web.auth.sign_in import enter
from app.web.rendering import go, render


@pages.get("/sign-in/code")
def ask_for_code() -> Response:
    """Ask for the address."""
    session["code"] = {"next": request.args.get("next")}
    return render("auth/code_request.html", form=CodeRequestForm())


@pages.post("/sign-in/code")
def send_code() -> Response:
    """Mail a code. The answer is the same whether or not the address is known."""
    form = CodeRequestForm()
    if not form.validate():
        return render("auth/code_request.html", form=form, status=form.status)
    email = str(form.email.data)
    throttle.count("code", email.lower(), request.remote_addr or "")
    sign_in_codes.send(email, clock.now())
    session["code"] = {**session.get("code", {}), "email": email}
    return go(url_for("auth.enter_code"))


@pages.get("/sign-in/code/entry")
def enter_code() -> Response:
    """Ask for the code, in the browser that asked for the mail."""
    return _entry(CodeForm()) if _email() else go(url_for("auth.ask_for_code"))


@pages.post("/sign-in/code/entry")
def check_code() -> Response:
    """Let in whom the code lets in. Tries count like wrong passwords, and each code stands five of them."""
    form, email = CodeForm(), _email()
    if email is None:
        return go(url_for("auth.ask_for_code"))
    if not form.carry_out(lambda: _redeem(email, str(form.code.data))):
        return _entry(form)
    tenant_id, user_id = form.result
    return enter(tenant_id, user_id, session["code"].get("next"))


def _redeem(email: str, code: str) -> tuple[str, str]:
    whose = (email.lower(), request.remote_addr or "")
    throttle.count("sign-in", *whose)
    found = sign_in_codes.redeem(email, code.replace(" ", ""), clock.now())
    throttle.forgive("sign-in", *whose)
    return found


def _entry(form: CodeForm) -> Response:
    return render("auth/code_entry.html", form=form, email=_email(), status=form.status)


def _email() -> str | None:
    email: str | None = session.get("code", {}).get("email")
    return email
