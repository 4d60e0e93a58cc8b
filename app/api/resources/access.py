"""Access: what an application asks at every sign-in of its users."""

from app.api.blueprint import v1
from app.api.operations import reads
from app.api.schemas.access import Access
from app.clock import now
from app.services import access


@v1.get("/access/<path:customer>")
@reads(Access)
def show_access(customer: str) -> Access:
    """Tell whether a customer may use what they bought.

    By our id or by your external id. The answer is remembered for a minute, and forgotten when something changes.
    """
    return Access.model_validate(access.of(customer, now()))
