"""Pages that hold every component, made for tests: rendered by the application, shown by the browser at its address."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask, g, render_template
from flask_login import login_user
from wtforms import BooleanField, PasswordField, SelectChoice, SelectField, StringField, TextAreaField

from app.domain.money import Money
from app.web.charts import plot
from app.web.formats import money
from app.web.forms import AtMost, Form, Required
from app.web.signed_in import SignedIn
from app.web.statuses import STATUSES

HERE = Path(__file__).parent
AT = datetime(2026, 11, 20, 18, 11, tzinfo=UTC)
ADA = SignedIn(
    tenant_id="ten_01h455vb4pex5vsknk084sn02q",
    login_id="ses_01h455vb4pex5vsknk084sn02q",
    user_id="usr_01h455vb4pex5vsknk084sn02q",
    name="Ada Lovelace",
    email="ada@maple.example",
    role="owner",
    customer_id=None,
    tenant_name="Maple Software",
    mode="test",
    locale="en_CA",
    timezone="America/Toronto",
)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
REVENUE = [1_204_050, 1_310_000, 1_288_075, 1_402_500, 1_395_000, 1_510_900, 1_620_000, 0, -210_000, 1_730_025]
FIGURES = list(zip(MONTHS, REVENUE, strict=False))


class GalleryForm(Form):
    """One field of each kind."""

    name = StringField("Name", [Required(), AtMost(20)])
    price = StringField("Price", [Required()])
    interval = SelectField("Interval", choices=[SelectChoice("month", "Monthly"), SelectChoice("year", "Yearly")])
    password = PasswordField("Secret", [Required()])
    trial = BooleanField("Begin with a trial")
    note = TextAreaField("Note", description="Shown on the invoice.")


def rendered(app: Flask, source: str, *, person: SignedIn = ADA, method: str = "GET", **context: Any) -> str:
    """A template of this folder, rendered in a request of that person; `context` adds to the samples."""
    headers = {"HX-Request": "true"} if context.pop("fragment", False) else {}
    with app.test_request_context("/gallery", method=method, headers=headers, data=context.pop("typed", None)):
        login_user(person)
        form = GalleryForm()
        if method == "POST":
            form.validate()
        g.announcement = context.pop("announcement", None)
        template = app.jinja_env.from_string((HERE / source).read_text())
        return render_template(template, **{**samples(app, form), **context})


def samples(app: Flask, form: Form) -> dict[str, Any]:
    """Something for every component to show."""
    return {
        "layout": "layouts/admin.html",
        "search_url": "/search",
        "list": app.jinja_env.from_string((HERE / "gallery_list.html").read_text()),
        "next_url": "/gallery/list?cursor=abc",
        "numbers": [1, 2, 3],
        "nouns": sorted(STATUSES),
        "amounts": [Money(123_450, "CAD"), Money(-990, "CAD")],
        "at": AT,
        "rate": Decimal("9.975"),
        "quantity": Decimal("1200.500000"),
        "form": form,
        "chart": plot(
            "Revenue by month",
            "Rose over the year, with a loss in September.",
            FIGURES,
            _dollars,
        ),
        "trend": plot("MRR by month", "Rose over the year.", FIGURES, _dollars),
    }


def _dollars(minor: int) -> str:
    return money(Money(minor, "CAD"))
