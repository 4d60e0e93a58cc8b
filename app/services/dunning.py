"""Dunning: reminders, retries and the final action, one step of an invoice at a time, as the domain plans them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from app.db import current_tenant_id, session, transaction
from app.domain.dunning import Debt, DunningRules, FinalAction, StepKind, next_step
from app.domain.reminders import StageState, reminder_list
from app.models import Customer, Invoice, Subscription, Tenant
from app.queries import due
from app.queries.base import get
from app.queries.payments import open_payment
from app.services import mails, pay_links
from app.services.batches import each
from app.services.events import emit
from app.services.formats import day_text, money_text
from app.services.locks import lock_debt
from app.services.open_invoices import stop_collecting
from app.services.subscription_status import end, fall_behind, give_up

BATCH = 200
PAUSE = timedelta(days=1)  # while money is on its way, and after an error of ours


def rules_of(tenant: Tenant) -> DunningRules:
    """The tenant's choice."""
    return DunningRules(
        retry_days=tuple(tenant.setting("retry_days")),
        final_action=FinalAction(tenant.setting("final_action")),
        remind_before_days=tuple(tenant.setting("remind_before_days")),
        remind_after_days=tuple(tenant.setting("remind_after_days")),
    )


def debt_of(invoice: Invoice) -> Debt:
    """What was tried with an invoice so far, as the domain reckons with it."""
    return Debt(
        due_at=invoice.due_at or invoice.created_at,
        timezone=invoice.buyer["timezone"],
        automatic=invoice.collection == "automatic",
        first_failed_at=invoice.first_failed_at,
        tried_at=invoice.tried_at,
        decline=invoice.decline_code,
        method_changed_at=invoice.method_changed_at,
        reminded_at=invoice.reminded_at,
        is_open=invoice.status == "open",
    )


def plan(invoice: Invoice, at: datetime) -> None:
    """Note when the invoice's next step is due, or that there is none."""
    step = next_step(_rules(), debt_of(invoice), at)
    invoice.dunning_at = step.at if step else None


def next_retry(invoice: Invoice, at: datetime) -> datetime | None:
    """When the invoice is charged again by itself; None when it is not."""
    stages = reminder_list(_rules(), debt_of(invoice), at)
    ahead = (StageState.DUE, StageState.PLANNED)
    return next((stage.at for stage in stages if stage.kind is StepKind.RETRY and stage.state in ahead), None)


def take_due(at: datetime) -> int:
    """Take the step that is due of every invoice of the tenant in scope; gives how many were looked at."""
    query = select(Invoice.id).where(due.rows("dunning", at)).order_by(Invoice.dunning_at).limit(BATCH)
    return each(session().scalars(query).all(), lambda row: _take(row, at), lambda row: _put_off(row, at))


def _take(invoice_id: str, at: datetime) -> None:
    with transaction():
        invoice = lock_debt(invoice_id)
        if invoice.dunning_at is None or invoice.dunning_at > at:
            return
        if open_payment(invoice_id):
            invoice.dunning_at = at + PAUSE
        else:
            _step(invoice, at)


def _step(invoice: Invoice, at: datetime) -> None:
    step = next_step(_rules(), debt_of(invoice), at)
    if step and step.at <= at:
        _STEPS[step.kind](invoice, at)
    if invoice.dunning_at:
        plan(invoice, at)


def _put_off(invoice_id: str, at: datetime) -> None:
    get(Invoice, invoice_id, lock=True).dunning_at = at + PAUSE


def _remind(invoice: Invoice, at: datetime) -> None:
    invoice.reminded_at = at
    subscription = _subscription(invoice)
    overdue = bool(invoice.due_at and invoice.due_at <= at)
    if subscription and overdue and subscription.status != "incomplete":
        fall_behind(subscription, at)
    customer = get(Customer, invoice.customer_id)
    if not customer.deleted_at:
        _mail_reminder(invoice, customer, overdue, at)
    emit("invoice.reminded", invoice.id, at, customer_id=customer.id)


def _mail_reminder(invoice: Invoice, customer: Customer, overdue: bool, at: datetime) -> None:
    context = {
        "name": customer.name,
        "number": invoice.number,
        "link": pay_links.mailed_address(invoice, at),
        "due": money_text(invoice.due, customer.locale),
        "due_on": day_text(invoice.due_at or at, customer),
        "overdue": overdue,
    }
    mails.queue(
        "reminder",
        customer.email,
        at,
        dedupe=f"{invoice.id}:{at.isoformat()}",
        context=context,
        customer_id=customer.id,
    )


def _retry(invoice: Invoice, at: datetime) -> None:
    """The attempt itself plans what follows it."""
    invoice.collect_at, invoice.dunning_at = at, None


def _finish(invoice: Invoice, at: datetime) -> None:
    invoice.dunning_at = None
    subscription = _subscription(invoice)
    action = _FINAL_ACTIONS.get(_rules().final_action)
    if subscription and action:
        action(subscription, at)


def _cancel(row: Subscription, at: datetime) -> None:
    end(row, at, "not paid")
    stop_collecting([row.id])


def _subscription(invoice: Invoice) -> Subscription | None:
    return get(Subscription, invoice.subscription_id) if invoice.subscription_id else None


def _rules() -> DunningRules:
    return rules_of(session().get_one(Tenant, current_tenant_id()))


_STEPS: Mapping[StepKind, Callable[[Invoice, datetime], None]] = {
    StepKind.REMINDER: _remind,
    StepKind.RETRY: _retry,
    StepKind.FINAL: _finish,
}
_FINAL_ACTIONS: Mapping[FinalAction, Callable[[Subscription, datetime], None]] = {
    FinalAction.CANCEL: _cancel,
    FinalAction.UNPAID: give_up,
}
