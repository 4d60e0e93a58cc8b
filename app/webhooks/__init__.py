"""Gateways calling in: their notices are believed when the signature holds, kept, and worked on later."""

from flask import Flask

from app.extensions import csrf
from app.webhooks.intake import routes


def register(app: Flask) -> None:
    """Put the addresses of webhooks onto the application. They know their callers by signatures, not by cookies."""
    csrf.exempt(routes)
    app.register_blueprint(routes)
