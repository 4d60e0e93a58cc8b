"""Events: numbered without a gap, handed on once, dropped with a rollback, found again when a ring is lost."""

from datetime import datetime

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as Away
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import func, select

from app.db import current_tenant_id, session, tenant_scope, transaction
from app.jobs import queues, sweeps, work
from app.models import Event, Task
from app.services import events, outbox, tenants
from app.settings import cache
from tests.conftest import SELLER
from tests.shop import Shop
from tests.together import refusals, together

LISTENERS = {"invoice.paid": ("first", "second")}


class BreaksOffError(Exception):
    """What breaks off a transaction in these tests."""


def break_off(_done: object) -> None:
    raise BreaksOffError


def write(count: int, at: datetime, event_type: str = "invoice.paid") -> None:
    with transaction():
        for n in range(count):
            events.emit(event_type, f"row_{n}", at)


def relay(at: datetime) -> outbox.Relayed:
    with transaction():
        return outbox.relay(LISTENERS, at)


def numbers() -> list[int | None]:
    return list(session().scalars(select(Event.seq).order_by(Event.seq)))


def test_each_event_gets_the_next_number_and_a_task_for_each_listener(in_tenant: str, at: datetime) -> None:
    write(2, at)
    write(1, at, "nobody.listens")
    done = relay(at)
    assert (done.events, len(done.task_ids)) == (3, 2 * 2)
    write(1, at)
    relay(at)
    assert numbers() == [1, 2, 3, 4]
    assert session().scalar(select(func.count()).select_from(Task)) == 6
    assert relay(at).events == 0


def test_parallel_writers_and_relays_leave_no_gap_and_no_double(
    app: Flask, in_tenant: str, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BATCH", 7)
    writers = [lambda: write(10, at)] * 3
    relays = [lambda: [relay(at) for _ in range(6)]] * 3
    assert refusals(together(app, in_tenant, *writers, *relays)) == []
    while relay(at).events:
        pass
    assert numbers() == list(range(1, 31))
    assert session().scalar(select(func.count()).select_from(Task)) == 60


def test_a_rollback_drops_the_fact_and_its_ring(in_tenant: str, at: datetime) -> None:
    with pytest.raises(BreaksOffError), transaction():
        break_off(events.emit("invoice.paid", "row_1", at))
    assert numbers() == []
    assert waiting() == []


def test_a_relay_that_is_rolled_back_numbers_them_again_alike(in_tenant: str, at: datetime) -> None:
    write(3, at)
    with pytest.raises(BreaksOffError), transaction():
        break_off(outbox.relay(LISTENERS, at))
    assert relay(at).events == 3
    assert numbers() == [1, 2, 3]


def test_tenants_count_for_themselves(app: Flask, in_tenant: str, at: datetime) -> None:
    write(2, at)
    relay(at)
    other = tenants.create({**SELLER, "slug": "other"}, [], at)
    with tenant_scope(other):
        write(1, at)
        relay(at)
        assert numbers() == [1]


def test_a_commit_with_events_rings_once_and_the_sweep_finds_them_without_a_ring(shop: Shop, at: datetime) -> None:
    write(3, at)
    assert waiting() == ["app.jobs.sweeps.relay"]
    cache().flushdb()
    assert sweeps.relay(at) >= 3
    assert None not in numbers()


def test_a_sweep_relays_all_there_is_however_many_batches_that_takes(
    shop: Shop, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BATCH", 4)
    write(11, at)
    sweeps.relay(at)
    assert None not in numbers()


def test_a_ring_that_was_lost_is_made_again_soon(shop: Shop) -> None:
    """A worker may die with a job in its hands. The mark that says it waits must not outlive that for long."""
    queues.enqueue("app.jobs.sweeps.relay")
    [mark] = cache().keys("quittance:waiting:*")
    assert 0 < cache().ttl(mark) <= 60


def test_without_redis_events_are_numbered_and_their_tasks_wait(
    app: Flask, shop: Shop, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    asked = []

    def refuse(*_: object, **__: object) -> None:
        asked.append(1)
        raise Away("nobody there")

    monkeypatch.setattr(away.connection_pool, "get_connection", refuse)
    monkeypatch.setitem(app.extensions, "redis", away)
    with transaction():
        for n in range(5):
            events.emit("invoice.paid", f"row_{n}", at)
    asked.clear()
    sweeps.relay(at)
    assert None not in numbers()
    assert session().scalar(select(func.count()).where(Task.state == "due", Task.subject_id.like("row_%"))) == 15
    assert len(asked) == 1  # it does not ask again for each task


def waiting() -> list[str]:
    """The jobs that wait to be done."""
    return [
        job.func_name
        for name in queues.QUEUES
        for job in Queue(name, connection=cache(), serializer=JSONSerializer).jobs
    ]


def test_jobs_carry_ids_of_rows_that_still_decide(shop: Shop, at: datetime) -> None:
    """A job that is doubled, or comes for a task long done, does nothing."""
    write(1, at)
    sweeps.relay(at)
    task_id = session().scalar(select(Task.id).where(Task.name == "send_receipt").limit(1))
    assert task_id is not None
    with transaction():
        session().get_one(Task, (current_tenant_id(), task_id)).state = "done"
    work.run_task(current_tenant_id(), task_id)
    assert session().get_one(Task, (current_tenant_id(), task_id), populate_existing=True).attempts == 0
