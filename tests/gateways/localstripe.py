"""`python -m tests.gateways.localstripe PORT`: localstripe, the Stripe that others wrote, in a process of its own.

It is of an older API. Fields that it does not know, and would refuse, are dropped on their way in; those that it does
not tell are told; and a setup that is confirmed while it is made is made in its two steps.
"""

import sys
from functools import partial
from typing import Any

from aiohttp import web
from localstripe import resources, server

UNKNOWN = ("description", "return_url", "automatic_payment_methods")
AMOUNTS = {"amount_received": "succeeded", "amount_capturable": "requires_capture"}


def main(port: int) -> None:
    """Serve on 127.0.0.1 until the process is ended; nothing is kept."""
    resources.store.dump_to_disk = lambda: None
    for kind in (resources.PaymentIntent, resources.SetupIntent):
        forget(kind)
    resources.PaymentIntent.setup_future_usage = None
    for name, status in AMOUNTS.items():
        setattr(resources.PaymentIntent, name, property(partial(_amount, status)))
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


def _amount(status: str, intent: Any) -> int:
    return int(intent.amount) if intent.status == status else 0


def _set_up(setup: Any, payment_method: str) -> Any:
    resources.PaymentMethod._api_attach(payment_method, customer=setup.customer)
    return resources.SetupIntent._api_confirm(setup.id, payment_method=payment_method)


if __name__ == "__main__":
    main(int(sys.argv[1]))
