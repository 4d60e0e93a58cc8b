"""Putting the application together. The only place that imports the whole house."""

import gc

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import api, db, logs, web, webhooks
from app.config import Settings
from app.extensions import bootstrap, csrf, htmx, login_manager, migrate, redis_client
from app.extensions import db as sqlalchemy
from app.jobs import doorbell
from app.one_trip import Line
from app.services import paper


def assemble(settings: Settings) -> Flask:
    """The application, ready to serve."""
    app = Flask("app")
    app.config.from_mapping(flask_config(settings))
    app.extensions["settings"] = settings
    app.extensions["redis"] = redis_client(settings.redis_url)
    app.extensions["line"] = Line(settings.database_url)
    logs.configure(settings.log_level, settings.log_format)
    db.init_app(app)
    migrate.init_app(app, sqlalchemy, directory="migrations")
    login_manager.init_app(app)
    csrf.init_app(app)
    htmx.init_app(app)
    bootstrap.init_app(app)
    paper.init_app(app)
    doorbell.install()
    web.register(app)
    api.register(app)
    webhooks.register(app, doorbell.notices_came)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    gc.freeze()  # what the application is made of stays: looking it over again and again costs a tenth of a renewal
    return app


def flask_config(settings: Settings) -> dict[str, object]:
    """What Flask and its extensions want to know, out of our settings."""
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://",
        "SQLALCHEMY_ENGINE_OPTIONS": db.engine_options(settings.database_url, settings.database_pool_size),
        "SESSION_COOKIE_NAME": "__Host-quittance" if settings.https else "quittance",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": settings.max_body_bytes,
        "MAX_FORM_MEMORY_SIZE": settings.max_body_bytes,
        "MAX_FORM_PARTS": 200,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "WTF_CSRF_TIME_LIMIT": None,
    }
