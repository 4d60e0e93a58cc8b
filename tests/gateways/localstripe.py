"""`python -m tests.gateways.localstripe PORT`: localstripe, the Stripe that others wrote, in a process of its own.

It is of an older API and refuses fields that it does not know. Those are dropped on their way in, and a setup that is
confirmed while it is made, which it does not know either, is made in its two steps.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from aiohttp import web
from localstripe import resources, server

UNKNOWN = ("description", "return_url", "automatic_payment_methods")


def main(port: int) -> None:
    """Serve on 127.0.0.1 until the process is ended; nothing is kept."""
    resources.store.dump_to_disk = lambda: None
    forget(resources.PaymentIntent)
    forget(resources.SetupIntent)
    web.run_app(server.app, host="127.0.0.1", port=port, print=None, access_log=None)


def forget(kind: Any) -> None:
    """Let objects of this kind be made without the unknown fields."""
    made = kind._api_create

    def create(payment_method: str | None = None, confirm: str | None = None, **fields: Any) -> Any:
        known = {name: value for name, value in fields.items() if name not in UNKNOWN}
        if kind is resources.PaymentIntent:
            return made(payment_method=payment_method, confirm=confirm, **known)
        return _set_up(made(**known), payment_method) if payment_method else made(**known)

    kind._api_create = create


def _set_up(setup: Any, payment_method: str) -> Any:
    resources.PaymentMethod._api_attach(payment_method, customer=setup.customer)
    return resources.SetupIntent._api_confirm(setup.id, payment_method=payment_method)


if __name__ == "__main__":
    main(int(sys.argv[1]))
