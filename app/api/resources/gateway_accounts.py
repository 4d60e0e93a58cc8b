"""Gateway accounts."""

from app.api.blueprint import v1
from app.api.operations import reads
from app.api.schemas.base import Listing, Page, page_of
from app.api.schemas.gateway_accounts import GatewayAccount
from app.queries import lists


@v1.get("/gateway-accounts")
@reads(Page[GatewayAccount])
def list_gateway_accounts(query: Listing) -> Page[GatewayAccount]:
    """List the gateway accounts, disabled ones too."""
    return page_of(lists.gateway_accounts(cursor=query.cursor, limit=query.limit), GatewayAccount.of)
