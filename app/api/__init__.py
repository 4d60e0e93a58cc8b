"""The JSON API for client applications, version 1, its document and the health of the process."""

from flask import Flask

from app.api import resources
from app.api.blueprint import answer_unknown_addresses, v1
from app.api.docs import docs
from app.api.health import health
from app.extensions import csrf

__all__ = ["register", "resources"]


def register(app: Flask) -> None:
    """Put the API onto the application. It needs no CSRF token: a browser does not send its key by itself."""
    answer_unknown_addresses(app)
    for blueprint in (v1, docs, health):
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
