"""Forms about test clocks. Instants are typed as they are where the reader is."""

from wtforms import DateTimeLocalField, StringField

from app.services.test_clocks import LONGEST_NAME
from app.web.forms import AtMost, Form, Required, stripped


class ClockForm(Form):
    """A clock to set up."""

    name = StringField("Name", [Required(), AtMost(LONGEST_NAME)], filters=[stripped], description="What you try out.")
    now = DateTimeLocalField("It shows", [Required()], description="From there on it can only be advanced.")


class AdvanceForm(Form):
    """How far a clock is to go on."""

    to = DateTimeLocalField("Until", [Required()])
