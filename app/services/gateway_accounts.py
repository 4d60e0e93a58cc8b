"""A tenant's accounts at gateways: credentials sealed, opened only to make a call."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network

from app import crypto
from app.db import current_tenant_id, session
from app.domain.errors import Conflict, InvalidInput
from app.gateways import gateway_class, open_gateway
from app.gateways.base import Gateway
from app.models import GatewayAccount
from app.queries.base import get
from app.services.history import audit
from app.settings import current_settings


def create(
    name: str, gateway: str, credentials: Mapping[str, str], at: datetime, *, mode: str = "test"
) -> GatewayAccount:
    """Connect an account. Raises InvalidInput for an unknown gateway, and a credential that is missing or unfit."""
    _check(gateway, credentials)
    row = GatewayAccount(name=name, gateway=gateway, mode=mode, credentials=b"", key_id="", created_at=at)
    session().add(row)
    session().flush()
    _seal(row, credentials)
    audit("gateway_account.create", row.id, at, gateway=gateway, mode=mode)
    return row


def replace_credentials(account_id: str, credentials: Mapping[str, str], at: datetime) -> None:
    """Give an account new credentials; open payments go on with them."""
    row = get(GatewayAccount, account_id, lock=True)
    _check(row.gateway, credentials)
    _seal(row, credentials)
    audit("gateway_account.rotate", row.id, at)


def complete(account_id: str, connected: Gateway, completed: Mapping[str, str]) -> None:
    """Keep what a gateway itself said of an account, unless somebody has entered other credentials meanwhile."""
    row = get(GatewayAccount, account_id, lock=True)
    if completed != connected.secrets and _credentials(row) == connected.secrets:
        _seal(row, completed)


def disable(account_id: str, at: datetime) -> None:
    """Start nothing new on an account; what is open is still asked about."""
    row = get(GatewayAccount, account_id, lock=True)
    row.disabled_at = row.disabled_at or at
    audit("gateway_account.disable", row.id, at)


def restrict_senders(account_id: str, networks: Sequence[str], at: datetime) -> None:
    """Take webhooks from these networks only (`203.0.113.0/24`, or a single address); from anywhere for none.

    Raises InvalidInput for something that is not a network.
    """
    row = get(GatewayAccount, account_id, lock=True)
    row.webhook_senders = [_network(text) for text in networks]
    audit("gateway_account.senders", row.id, at, networks=row.webhook_senders)


def webhook_address(account: GatewayAccount) -> str:
    """Where the account's gateway sends its webhooks."""
    base_url = current_settings().base_url.rstrip("/")
    return f"{base_url}/webhooks/{account.gateway}/{account.webhook_key}"


def usable(account_id: str) -> GatewayAccount:
    """The account as it is at this moment, for something new. Raises Conflict when it is disabled."""
    return enabled(get(GatewayAccount, account_id, fresh=True))


def enabled(row: GatewayAccount) -> GatewayAccount:
    """The account that was just read, likewise."""
    if row.disabled_at:
        raise Conflict(f"The gateway account {row.name} is disabled.", code="gateway_account_disabled")
    return row


def connect(account: GatewayAccount) -> Gateway:
    """The adapter of an account, with its credentials. Raises Conflict (`credentials_locked`) when they do not open."""
    settings = current_settings()
    return open_gateway(
        account.gateway,
        _credentials(account),
        timeout=settings.gateway_timeout_seconds,
        workspace=settings.quittance_data_dir / "gateways" / account.id,
    )


def reseal(account_id: str, at: datetime) -> None:
    """Seal an account's credentials with the active key, after ENCRYPTION_KEYS got a new first one."""
    row = get(GatewayAccount, account_id, lock=True)
    _seal(row, _credentials(row))
    audit("gateway_account.reseal", row.id, at, key_id=row.key_id)


def _credentials(row: GatewayAccount) -> dict[str, str]:
    sealed = crypto.Sealed(row.key_id, row.credentials)
    try:
        opened: dict[str, str] = json.loads(crypto.unseal(current_settings().keyring, sealed, _bound_to(row)))
    except crypto.CannotOpen as error:
        raise Conflict(
            f"The credentials of {row.name} cannot be opened: {error}. Enter them again.", code="credentials_locked"
        ) from None
    return opened


def _seal(row: GatewayAccount, credentials: Mapping[str, str]) -> None:
    sealed = crypto.seal(current_settings().keyring, json.dumps(dict(credentials)).encode(), _bound_to(row))
    row.key_id, row.credentials = sealed.key_id, sealed.box


def _bound_to(row: GatewayAccount) -> str:
    return f"{current_tenant_id()}|gateway_accounts|{row.id}"


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise InvalidInput(
            f"“{text}” is not an address or a network such as 203.0.113.0/24.", code="invalid_network", field="senders"
        ) from None


def _check(gateway: str, credentials: Mapping[str, str]) -> None:
    fields = gateway_class(gateway).credentials
    missing = [field.label for field in fields if field.required and not credentials.get(field.name)]
    if missing:
        raise InvalidInput(f"Still missing: {', '.join(missing)}.", code="missing_credentials", field="credentials")
    gateway_class(gateway).check_entered(credentials)
