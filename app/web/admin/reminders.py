"""The reminder list: where a customer stands with what is not paid."""

from collections.abc import Sequence

from app.db import current_tenant_id, session
from app.domain.reminders import Stage, reminder_list
from app.models import Invoice, Tenant
from app.present import present
from app.queries import lists
from app.services import dunning

SHOWN = 5


def stages_of(row: Invoice) -> Sequence[Stage]:
    """The reminders and retries of an invoice that could not be collected at once."""
    if not (row.first_failed_at or row.collection == "manual") or row.status in ("draft", "void"):
        return ()
    rules = dunning.rules_of(session().get_one(Tenant, current_tenant_id()))
    return reminder_list(rules, dunning.debt_of(row), present(row.id))


def standings_of(customer_id: str) -> list[tuple[Invoice, Sequence[Stage]]]:
    """The latest open invoices of a customer, with their reminders and retries, past and to come."""
    rows = lists.invoices({"customer": customer_id, "status": "open"}, limit=SHOWN).items
    return [(row, stages) for row in rows if (stages := stages_of(row))]
