"""Jobs that the doorbell rings for. A job may be lost, doubled or late: the row it names decides."""

from app.db import tenant_scope
from app.jobs.subscribers import WORKERS
from app.present import present
from app.services import charging, tasks


def run_task(tenant_id: str, task_id: str) -> None:
    """Do one task that an event asked for."""
    with tenant_scope(tenant_id):
        tasks.run(task_id, WORKERS, present(task_id))


def check_payment(tenant_id: str, payment_id: str) -> None:
    """Ask the gateway how one payment stands."""
    with tenant_scope(tenant_id):
        charging.check(payment_id, present(payment_id))
