"""The OpenAPI document for machines, and the same as a page for people."""

import re
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup, escape

from app.api.document import document
from app.api.reading import chapters, shapes

docs = Blueprint("docs", __name__)


@docs.app_template_filter("ticks")
def ticks(text: str) -> Markup:
    """Words between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped first)


@docs.get("/openapi.json")
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return document()


@docs.get("/docs")
def page() -> str:
    """The document as a page."""
    whole = document()
    return render_template("api/docs.html", chapters=chapters(whole), shapes=shapes(whole))
