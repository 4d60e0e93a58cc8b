"""Forms that open in a dialog, and stand on a page of their own for whoever comes without JavaScript."""

from typing import Any

from flask import Response

from app.web.forms import Form
from app.web.rendering import render


def dialog(part: str, title: str, back: tuple[str, str], *, form: Form | None = None, **context: Any) -> Response:
    """The fragment `part`, in a dialog or on a page with a way `back` (words, address). 422 if the form has faults."""
    return render(
        "admin/dialog.html",
        fragment=part,
        status=form.status if form else 200,
        part=part,
        title=title,
        back=back,
        form=form,
        **context,
    )


def confirm(title: str, text: str, action: str, label: str, back: str, **context: Any) -> Response:
    """A question with one answer. `action` is where the answer goes, `back` where Cancel leads."""
    return render("shared/confirm.html", title=title, text=text, action=action, label=label, back=back, **context)
