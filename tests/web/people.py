"""People for the tests of pages: added to a tenant, and signed in like anybody, form, token and all."""

import re
from datetime import datetime

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.db import tenant_scope, transaction
from app.services import customers, users

PASSWORD = "correct horse battery staple"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def add(app: Flask, tenant: str, email: str, role: str, at: datetime) -> str:
    """A person of that role, with a customer to belong to if need be; gives the user's id."""
    with app.app_context(), tenant_scope(tenant), transaction():
        customer = customers.create({"name": "Grace Ltd", "email": email}, at).id if role == "customer" else None
        return users.create(
            email, email.partition("@")[0].title(), role, at, password=PASSWORD, customer_id=customer
        ).id


def send(client: FlaskClient, page: str, url: str, ip: str = "127.0.0.1", **typed: str) -> TestResponse:
    """Load a page, fill in what was typed and send it with the page's own token."""
    found = TOKEN.search(client.get(page).text)
    assert found, f"{page} has no form"
    return client.post(url, data={"csrf_token": found[1], **typed}, environ_base={"REMOTE_ADDR": ip})


def sign_in(
    client: FlaskClient, email: str, password: str = PASSWORD, ip: str = "127.0.0.1", **more: str
) -> TestResponse:
    """The answer to the sign-in form."""
    return send(client, "/sign-in", "/sign-in", ip, email=email, password=password, **more)
