"""Mail: sent once, tried again with back-off, given up in the end; billing never waits for it."""

import email.policy
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from flask import Flask
from sqlalchemy import select, text

from app.config import Settings
from app.db import session, transaction
from app.jobs import sweeps
from app.models import Mail
from app.services import delivery, mails
from tests.shop import fresh
from tests.together import together


class Sink:
    """A mail server that takes mail, or refuses it while `refusal` says so."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.taken: list[EmailMessage] = []

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        if self.refusal:
            return self.refusal
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.taken.append(message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 taken"


@pytest.fixture
def sink(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """The application sends by SMTP to this sink."""
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        by_smtp = settings.model_copy(update={"mail_url": f"smtp://127.0.0.1:{port}"})
        monkeypatch.setitem(app.extensions, "settings", by_smtp)
        yield sink
    finally:
        controller.stop()


def queue(at: datetime, to: str = "farm@foxglove.example", dedupe: str = "1", template: str = "reminder") -> str:
    with transaction():
        context = {
            "name": "Foxglove Farm",
            "number": "INV-000001",
            "link": "http://portal/pay/x",
            "due": "$22.60",
            "due_on": "January 15, 2026",
            "overdue": True,
        }
        mails.queue(template, to, at, dedupe=dedupe, context=context)
    mail_id = session().scalar(select(Mail.id).where(Mail.dedupe == f"{template}:{dedupe}"))
    assert mail_id is not None
    return mail_id


def test_a_mail_reaches_the_server_with_text_and_html(in_tenant: str, at: datetime, sink: Sink) -> None:
    mail_id = queue(at)
    assert delivery.send_due(at) == 1
    [message] = sink.taken
    assert message["Subject"] == "Overdue: invoice INV-000001 from Acme"
    assert (message["To"], message["Reply-To"]) == ("farm@foxglove.example", "billing@acme.example")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    row = fresh(Mail, mail_id)
    assert (row.state, row.sent_at, row.last_error) == ("sent", at, None)
    assert delivery.send_due(at) == 0


def test_a_server_that_refuses_is_tried_again_and_then_takes_it(in_tenant: str, at: datetime, sink: Sink) -> None:
    mail_id = queue(at)
    sink.refusal = "451 come back later"
    assert delivery.send_due(at) == 0
    row = fresh(Mail, mail_id)
    assert (row.state, row.attempts, row.due_at) == ("queued", 1, at + timedelta(minutes=1))
    assert "come back later" in (row.last_error or "")
    sink.refusal = None
    assert [delivery.send_due(at), delivery.send_due(row.due_at)] == [0, 1]
    assert len(sink.taken) == 1


def test_it_is_given_up_after_a_while_and_says_why(in_tenant: str, at: datetime, sink: Sink) -> None:
    mail_id = queue(at)
    sink.refusal = "550 nobody of that name"
    for _ in range(len(delivery.BACK_OFF) + 1):
        delivery.send_due(at)
        at = fresh(Mail, mail_id).due_at
    row = fresh(Mail, mail_id)
    assert (row.state, "nobody of that name" in (row.last_error or "")) == ("failed", True)


def test_while_no_server_answers_only_one_mail_waits_for_it_in_a_round(
    app: Flask, in_tenant: str, at: datetime, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = settings.model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    monkeypatch.setitem(app.extensions, "settings", nobody)
    made = [queue(at, dedupe=str(n)) for n in range(3)]
    assert delivery.send_due(at) == 0
    assert [fresh(Mail, mail_id).attempts for mail_id in made] == [1, 0, 0]


def test_one_that_cannot_be_written_does_not_hold_up_the_others(in_tenant: str, at: datetime, sink: Sink) -> None:
    broken = queue(at, dedupe="1", template="no_such_template")
    lost = queue(at, dedupe="2")
    with transaction():
        row = fresh(Mail, lost)
        row.context = {**row.context, "document_id": "doc_01h2xcejqtf2nbrexx3vqjhp41"}
    queue(at, dedupe="3")
    assert delivery.send_due(at) == 1
    assert len(sink.taken) == 1
    assert [fresh(Mail, mail_id).state for mail_id in (broken, lost)] == ["queued", "queued"]
    assert fresh(Mail, broken).due_at > at


def test_a_line_break_in_an_address_adds_no_header(in_tenant: str, at: datetime, sink: Sink) -> None:
    mail_id = queue(at, to="farm@foxglove.example\nBcc: everybody@foxglove.example")
    delivery.send_due(at)
    assert sink.taken == []
    assert fresh(Mail, mail_id).attempts == 1


def test_the_same_news_is_queued_once(in_tenant: str, at: datetime) -> None:
    assert queue(at) == queue(at)
    assert session().scalars(select(Mail)).all()[1:] == []


def test_four_workers_send_it_once(app: Flask, in_tenant: str, at: datetime, sink: Sink) -> None:
    queue(at)
    together(app, in_tenant, *[lambda: delivery.send_due(at)] * 4)
    assert len(sink.taken) == 1


def test_a_worker_that_died_with_it_delays_it_by_its_lease(in_tenant: str, at: datetime, sink: Sink) -> None:
    queue(at)
    with transaction():
        session().execute(text("UPDATE mails SET leased_until = now() + interval '2 minutes', attempts = 1"))
    assert delivery.send_due(at) == 0
    with transaction():
        session().execute(text("UPDATE mails SET leased_until = now() - interval '1 second'"))
    assert delivery.send_due(at) == 1


@pytest.mark.parametrize("template", ["password_reset", "invitation", "sign_in_code"])
def test_a_secret_that_was_sent_is_kept_no_longer(in_tenant: str, at: datetime, sink: Sink, template: str) -> None:
    with transaction():
        context = {"name": "A", "url": "http://x/password/verysecret", "code": "verysecret", "hours": 1, "minutes": 9}
        mails.queue(template, "a@b.example", at, dedupe="1", context=context)
    delivery.send_due(at)
    [row] = session().scalars(select(Mail).execution_options(populate_existing=True))
    assert row.state == "sent"
    assert "verysecret" not in str(row.context)
    assert "verysecret" in sink.taken[0].as_string()


def test_by_default_mail_is_written_into_files_named_by_message(
    in_tenant: str, at: datetime, settings: Settings
) -> None:
    mail_id = queue(at)
    assert sweeps.send_mails(at) == 1
    assert (settings.quittance_data_dir / "mails" / f"{mail_id}.eml").read_bytes().startswith(b"Subject: Overdue")
