"""Forms of signing in and of passwords."""

from wtforms import HiddenField, PasswordField, StringField

from app.services.passwords import MAX_LENGTH, MIN_LENGTH
from app.web.forms import AtMost, Form, Required, stripped

PASSWORD_HINT = f"At least {MIN_LENGTH} characters. A few words in a row are easy to keep in mind."


class SignInForm(Form):
    """An address and a password. `next` is the page to come back to."""

    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped])
    password = PasswordField("Password", [Required(), AtMost(MAX_LENGTH)])
    next = HiddenField()


class CodeRequestForm(Form):
    """The address to send a code to."""

    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped])


class CodeForm(Form):
    """The code from the mail, with or without a space in it."""

    code = StringField("Code", [Required(), AtMost(12)], filters=[stripped])


class ForgottenForm(Form):
    """The address to send a reset link to."""

    email = StringField("E-mail", [Required(), AtMost(254)], filters=[stripped])


class NewPasswordForm(Form):
    """A password to be set with a link. Typed once: it can be shown while typing."""

    password = PasswordField("New password", [Required(), AtMost(MAX_LENGTH)], description=PASSWORD_HINT)


class ChangePasswordForm(Form):
    """A password to be changed by whoever knows the present one."""

    present = PasswordField("Present password", [Required(), AtMost(MAX_LENGTH)])
    password = PasswordField("New password", [Required(), AtMost(MAX_LENGTH)], description=PASSWORD_HINT)
