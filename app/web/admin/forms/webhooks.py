"""Forms about what gateways tell us."""

from wtforms import StringField

from app.web.forms import AtMost, Form, Required, stripped


class DismissalForm(Form):
    """Why nothing is to be done about something."""

    reason = StringField("Why nothing is to be done", [Required(), AtMost(500)], filters=[stripped])
