"""Gateways calling in: their notices are believed when the signature holds, kept, and worked on later."""

from collections.abc import Callable

from flask import Flask

from app.extensions import csrf
from app.webhooks.intake import routes
from app.webhooks.keeping import Tray


def register(app: Flask, ring: Callable[[], None]) -> None:
    """Put the addresses of webhooks onto the application. They know their callers by signatures, not by cookies.

    `ring` calls whoever works on notices.
    """
    csrf.exempt(routes)
    app.register_blueprint(routes)
    app.extensions["tray"] = Tray(ring)
