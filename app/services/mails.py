"""Mail that waits in a row until it is sent. Billing never depends on it."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.db import current_tenant_id, session
from app.domain.errors import Conflict
from app.ids import new_id
from app.models import Mail
from app.queries.base import get
from app.services.history import audit


def queue(
    template: str, to: str, at: datetime, *, dedupe: str, context: dict[str, Any], customer_id: str | None = None
) -> None:
    """Queue a mail once: the same template and `dedupe` never make a second one. `customer_id`: to
    whom, unless that is one of the tenant's staff."""
    session().execute(
        insert(Mail)
        .values(
            id=new_id("eml"),
            tenant_id=current_tenant_id(),
            customer_id=customer_id,
            to=to,
            template=template,
            context=context,
            dedupe=f"{template}:{dedupe}",
            state="queued",
            due_at=at,
            attempts=0,
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "dedupe"])
    )


def resend(mail_id: str, at: datetime) -> None:
    """Try a mail again that was given up. Raises Conflict for any other."""
    mail = get(Mail, mail_id, lock=True)
    if mail.state != "failed":
        raise Conflict(f"This mail is {mail.state}: only one that failed can be sent again.", code="mail_not_failed")
    mail.state, mail.due_at, mail.attempts = "queued", at, 0
    audit("mail.resend", mail.id, at, to=mail.to)
