"""The portal: pages for staff and for customers, made here, with HTMX to freshen parts of them."""

from collections.abc import Callable
from typing import Any

from flask import Flask, request, url_for
from jinja2 import StrictUndefined

from app.extensions import login_manager
from app.web import (
    admin,
    assets,
    auth,
    cardless,
    checkout,
    errors,
    formats,
    icons,
    navigation,
    once,
    portal,
    sandbox_bank,
    security_headers,
    trail,
)
from app.web.rendering import url_with, wants_fragment
from app.web.signed_in import Nobody, load, signed_in
from app.web.statuses import badge, badges

TEMPLATE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "badge": badge,
    "badges": badges,
    "icon": icons.icon,
    "is_current": navigation.is_current,
    "url_with": url_with,
    "wants_fragment": wants_fragment,
}
BLUEPRINTS = (auth.pages, admin.pages, portal.pages, checkout.pages, sandbox_bank.pages)


def register(app: Flask) -> None:
    """Put the pages, and everything that goes with each request and each template, onto the application."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals.update(TEMPLATE_FUNCTIONS)
    app.context_processor(_surroundings)
    login_manager.user_loader(load)
    login_manager.anonymous_user = Nobody
    login_manager.session_protection = None  # sessions are rows that can be ended; an address may change on the way
    for part in (trail, cardless, assets, formats, once, errors, security_headers):
        part.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)


def _surroundings() -> dict[str, Any]:
    """What the layouts need to know: who reads, in which frame, and the menus."""
    reader = signed_in() if request else None
    return {
        "reader": reader,
        "layout": _layout(reader.home if reader else None),
        "admin_menu": navigation.ADMIN,
        "portal_menu": navigation.PORTAL,
        "search_url": url_for(navigation.ADMIN_SEARCH) if reader and navigation.ADMIN_SEARCH else None,
    }


def _layout(home: str | None) -> str:
    return f"layouts/{home.partition('.')[0]}.html" if home else "layouts/auth.html"
