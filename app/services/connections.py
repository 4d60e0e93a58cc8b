"""Trying an account's credentials at its gateway, which may have something to add to them."""

from app.db import let_go, transaction
from app.domain.errors import BillingError
from app.gateways.errors import GatewayError
from app.logs import logger
from app.models import GatewayAccount
from app.queries.base import get
from app.services import gateway_accounts

log = logger(__name__)


def fault_of(account_id: str) -> str | None:
    """What is wrong with an account's connection, in a sentence for staff; None when the gateway lets us in.

    What the gateway has to add to the credentials is kept with them then. Waits for it, so no transaction may be open.
    """
    account = get(GatewayAccount, account_id)
    try:
        gateway = gateway_accounts.connect(account)
        let_go()
        gateway.check_credentials()
        completed = gateway.completed_credentials()
    except (BillingError, GatewayError) as error:
        return str(error)
    except Exception:
        log.exception("connection test failed", account=account_id)
        return "The gateway gave an answer that could not be understood."
    with transaction():
        gateway_accounts.complete(account_id, gateway, completed)
    return None
