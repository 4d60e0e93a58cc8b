"""Tasks: leased by one, tried again with back-off, laid aside in the end, and no trouble to each other."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app import logs
from app.db import current_tenant_id, session, transaction
from app.models import Event, Task
from app.services import tasks
from tests.shop import fresh
from tests.together import together

Workers = Mapping[str, Callable[[str, datetime], object]]


def task(at: datetime, name: str = "good", request_id: str | None = None) -> str:
    """A task about `row_1`."""
    with transaction():
        event = Event(type="something.happened", subject_id="row_1", at=at)
        session().add(event)
        session().flush()
        row = Task(event_id=event.id, name=name, subject_id="row_1", due_at=at, request_id=request_id)
        session().add(row)
        session().flush()
        return row.id


def good(subject_id: str, at: datetime) -> None:
    """Does it."""


def bad(subject_id: str, at: datetime) -> None:
    raise ValueError(f"cannot do {subject_id}")


WORKERS: Workers = {"good": good, "bad": bad}


def let_leases_end() -> None:
    with transaction():
        session().execute(text("UPDATE tasks SET leased_until = now() - interval '1 second' WHERE state = 'due'"))


def test_a_task_is_done_once(in_tenant: str, at: datetime) -> None:
    done: list[str] = []
    task_id = task(at)
    workers = {"good": lambda subject_id, _at: done.append(subject_id)}
    assert [tasks.run(task_id, workers, at) for _ in range(3)] == [True, False, False]
    assert (done, fresh(Task, task_id).state) == (["row_1"], "done")


def test_four_workers_at_once_do_it_once(app: Flask, in_tenant: str, at: datetime) -> None:
    done: list[str] = []
    task_id = task(at)
    workers = {"good": lambda subject_id, _at: done.append(subject_id)}
    results = together(app, in_tenant, *[lambda: tasks.run(task_id, workers, at)] * 4)
    assert (sorted(map(bool, results)), done) == ([False, False, False, True], ["row_1"])


def test_one_that_fails_is_tried_again_later_and_later_and_then_laid_aside(in_tenant: str, at: datetime) -> None:
    task_id = task(at, "bad")
    seconds = []
    for _ in range(len(tasks.BACK_OFF) + 1):
        assert not tasks.run(task_id, WORKERS, at)
        row = fresh(Task, task_id)
        seconds.append((row.due_at - at).total_seconds() if row.state == "due" else row.state)
        at = row.due_at
    assert seconds == [10, 60, 600, 3600, 6 * 3600, "dead"]
    assert fresh(Task, task_id).last_error == "ValueError: cannot do row_1"
    assert tasks.due(at + timedelta(days=99)) == []


def test_one_that_kills_its_worker_each_time_is_laid_aside_too(in_tenant: str, at: datetime) -> None:
    task_id = task(at, "deadly")

    def die(_subject_id: str, _at: datetime) -> None:
        raise SystemExit

    for _ in range(len(tasks.BACK_OFF) + 1):
        with pytest.raises(SystemExit):
            tasks.run(task_id, {"deadly": die}, at)
        let_leases_end()
    assert not tasks.run(task_id, {"deadly": die}, at)
    row = fresh(Task, task_id)
    assert (row.state, row.last_error) == ("dead", "Its worker died each time.")


def test_one_whose_worker_was_killed_is_taken_up_when_its_lease_ends(in_tenant: str, at: datetime) -> None:
    task_id = task(at)
    with transaction():
        session().execute(text("UPDATE tasks SET leased_until = now() + interval '5 minutes', attempts = 1"))
    assert (tasks.due(at), tasks.run(task_id, WORKERS, at)) == ([], False)
    let_leases_end()
    assert (tasks.due(at), tasks.run(task_id, WORKERS, at)) == ([task_id], True)


def test_a_poisonous_one_does_not_stop_the_others(in_tenant: str, at: datetime) -> None:
    names = ["bad", "good", "nobody does this", "good"]
    made = [task(at, name) for name in names]
    assert [tasks.run(task_id, WORKERS, at) for task_id in tasks.due(at)] == [False, True, False, True]
    assert [fresh(Task, task_id).state for task_id in made] == ["due", "done", "due", "done"]


def test_one_laid_aside_can_be_taken_up_again(in_tenant: str, at: datetime) -> None:
    task_id = task(at, "bad")
    with transaction():
        fresh(Task, task_id).state = "dead"
    with transaction():
        tasks.retry(task_id, at)
    assert tasks.run(task_id, {"bad": good}, at)


def test_what_a_task_does_carries_on_the_request_id_of_what_caused_it(in_tenant: str, at: datetime) -> None:
    seen: list[str | None] = []
    task_id = task(at, request_id="req_of_the_click")
    tasks.run(task_id, {"good": lambda _subject_id, _at: seen.append(logs.request_id())}, at)
    assert seen == ["req_of_the_click"]
    assert logs.request_id() != "req_of_the_click"


def test_what_a_task_writes_before_it_fails_is_dropped(in_tenant: str, at: datetime) -> None:
    def half(_subject_id: str, at: datetime) -> None:
        with transaction():
            session().add(Event(type="half.done", subject_id="row_1", at=at))
            session().flush()
            raise ValueError("no")

    tasks.run(task(at, "half"), {"half": half}, at)
    assert session().scalar(select(func.count()).where(Event.type == "half.done")) == 0
    assert current_tenant_id() == in_tenant
