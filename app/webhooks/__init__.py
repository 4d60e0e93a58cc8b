"""Gateways calling in: their notices are believed when the signature holds, kept, and worked on later."""

from collections.abc import Callable

from flask import Flask

from app.webhooks.intake import Intake
from app.webhooks.keeping import Tray


def register(app: Flask, ring: Callable[[], None]) -> None:
    """Put the addresses of webhooks in front of the application. `ring` calls whoever works on notices."""
    app.extensions["tray"] = Tray(ring)
    app.wsgi_app = Intake(app)  # type: ignore[method-assign]
