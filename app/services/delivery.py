"""Handing queued mail to the post office: leased, tried with back-off, given up after a while and shown to admins."""

from datetime import datetime, timedelta
from email.message import EmailMessage

from flask import render_template
from sqlalchemy import ColumnElement, func, or_, select

from app.db import current_tenant_id, let_go, session, transaction
from app.integrations.post import CannotSend, PostOfficeClosed, post_office
from app.logs import logger
from app.models import Document, Mail, Tenant
from app.queries.base import get
from app.queries.due import rows
from app.services import documents
from app.settings import current_settings

LEASE = timedelta(minutes=2)
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
BATCH = 50
SECRETS = frozenset({"password_reset", "invitation", "sign_in_code"})  # what these say opens doors: not kept once sent

log = logger(__name__)


def send_due(at: datetime) -> int:
    """Send the queued mails of the tenant in scope, oldest first; gives how many went out.

    When nobody takes mail at all the round ends: each mail would only wait for the same silence.
    """
    waiting = select(Mail.id).where(rows("mails", at), _free())
    sent = 0
    for mail_id in session().scalars(waiting.order_by(Mail.due_at, Mail.id).limit(BATCH)).all():
        try:
            sent += send(mail_id, at)
        except PostOfficeClosed as error:
            log.warning("nobody takes mail", why=str(error))
            break
    return sent


def send(mail_id: str, at: datetime) -> bool:
    """Lease, send, record. False when another worker has it or it did not go out, whatever is wrong with it.

    Raises PostOfficeClosed when no mail can be sent, once that is recorded.
    """
    with transaction():
        if not _lease(mail_id):
            return False
    try:
        _hand_over(get(Mail, mail_id))
    except Exception as error:
        log.warning("mail not sent", mail=mail_id, exc_info=not isinstance(error, CannotSend))
        with transaction():
            _failed(get(Mail, mail_id, lock=True), error, at)
        if isinstance(error, PostOfficeClosed):
            raise
        return False
    with transaction():
        _sent(get(Mail, mail_id, lock=True), at)
    return True


def _free() -> ColumnElement[bool]:
    return or_(Mail.leased_until.is_(None), Mail.leased_until < func.now())


def _lease(mail_id: str) -> bool:
    mail = session().scalar(
        select(Mail).where(Mail.id == mail_id, Mail.state == "queued", _free()).with_for_update(skip_locked=True)
    )
    if mail is None:
        return False
    if mail.attempts > len(BACK_OFF):
        mail.state, mail.last_error = "failed", "Its worker died each time."
        return False
    mail.leased_until = func.now() + LEASE
    mail.attempts += 1
    return True


def _hand_over(mail: Mail) -> None:
    message, settings = _message(mail), current_settings()
    let_go()
    post_office(settings.mail_url, settings.quittance_data_dir).send(message)


def _sent(mail: Mail, at: datetime) -> None:
    mail.state, mail.sent_at, mail.last_error, mail.leased_until = "sent", at, None, None
    if mail.template in SECRETS:
        mail.context = {}


def _failed(mail: Mail, error: Exception, at: datetime) -> None:
    mail.leased_until, mail.last_error = None, f"{type(error).__name__}: {error}"[:500]
    if mail.attempts > len(BACK_OFF):
        mail.state = "failed"
        log.error("mail given up", mail=mail.id, error=mail.last_error)
    else:
        mail.due_at = at + BACK_OFF[mail.attempts - 1]


def _message(mail: Mail) -> EmailMessage:
    tenant = session().get_one(Tenant, current_tenant_id())
    context = {**mail.context, "tenant": tenant, "base_url": current_settings().base_url}
    heading, _, text = render_template(f"emails/{mail.template}.txt", **context).strip().partition("\n")
    subject, text = heading.removeprefix("Subject:").strip(), text.strip()
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = current_settings().mail_from
    message["To"] = mail.to
    message["Reply-To"] = tenant.email
    message["Message-ID"] = f"<{mail.id}@quittance>"
    message.set_content(text + "\n")
    html = render_template("emails/letter.html", subject=subject, text=text, tenant=tenant)
    message.add_alternative(html, subtype="html")
    if document_id := mail.context.get("document_id"):
        _attach(message, get(Document, document_id))
    return message


def _attach(message: EmailMessage, document: Document) -> None:
    kind, _, subtype = document.content_type.partition("/")
    message.add_attachment(documents.content(document), maintype=kind, subtype=subtype, filename=document.filename)
