"""Forms of the fraud checks: rules, and the lists of what is always let through or never."""

from wtforms import SelectChoice, SelectField, StringField

from app.domain.fraud import SIGNALS, Verdict
from app.web.admin.forms.fields import Between, Whole
from app.web.forms import AtMost, Form, Required, stripped

VERDICTS = {
    Verdict.ALLOW: "Let it through",
    Verdict.CHALLENGE: "Have the customer's bank ask (3-D Secure)",
    Verdict.REVIEW: "Hold it until somebody has looked",
    Verdict.REFUSE: "Refuse it",
}
KINDS = {
    "email": "E-mail address",
    "ip": "IP address",
    "country": "Country (two letters)",
    "card": "Card (its fingerprint)",
}
EFFECTS = {"block": "Never take its payments", "allow": "Always let it through"}


def _choices(table: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, words) for value, words in table.items()]


class RuleForm(Form):
    """What to do when a signal is there."""

    signal = SelectField("When", [Required()], choices=_choices(dict(SIGNALS)))
    at_least = Whole("At least so many", [Required(), Between(1, 100_000)], default=1)
    verdict = SelectField("Then", [Required()], choices=[SelectChoice(str(one), VERDICTS[one]) for one in Verdict])


class EntryForm(Form):
    """Something for one of the lists."""

    kind = SelectField("What", [Required()], choices=_choices(KINDS))
    value = StringField("Value", [Required(), AtMost(254)], filters=[stripped])
    effect = SelectField("Effect", [Required()], choices=_choices(EFFECTS))
