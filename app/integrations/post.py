"""Sending mail: into files by default, by SMTP when MAIL_URL says so."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

SMTP_TIMEOUT_SECONDS = 20
_PORTS = {"smtp": 587, "smtps": 465}


class CannotSend(Exception):
    """The mail was not taken; it may be tried again."""


class PostOfficeClosed(CannotSend):
    """Nobody is there to take any mail: the next one would wait in vain too."""


class PostOffice(Protocol):
    """Whoever takes mail from us."""

    def send(self, message: EmailMessage) -> None:
        """Hand a message over. Raises CannotSend, and PostOfficeClosed when no mail can be handed over at all."""


class FilePostOffice:
    """Writes each message as an .eml file, named by its Message-ID, so that sending twice leaves one file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, message: EmailMessage) -> None:
        """Write the message."""
        self.directory.mkdir(parents=True, exist_ok=True)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        (self.directory / f"{name}.eml").write_bytes(message.as_bytes(policy=SMTP))


class SmtpPostOffice:
    """smtp://user:password@host:587 with STARTTLS when offered, smtps:// with TLS from the start."""

    def __init__(self, url: SplitResult) -> None:
        self.url = url

    def send(self, message: EmailMessage) -> None:
        """Send over a connection of its own. Raises CannotSend for anything that goes wrong on the way."""
        try:
            with self._open() as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise CannotSend(f"{type(error).__name__}: {error}") from error

    def _open(self) -> smtplib.SMTP:
        try:
            return self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise PostOfficeClosed(f"{type(error).__name__}: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        host, port = self.url.hostname or "localhost", self.url.port or _PORTS[self.url.scheme]
        if self.url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=SMTP_TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, port, timeout=SMTP_TIMEOUT_SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
        if self.url.username:
            server.login(unquote(self.url.username), unquote(self.url.password or ""))
        return server


def post_office(mail_url: str, data_dir: Path) -> PostOffice:
    """The post office that MAIL_URL names."""
    url = urlsplit(mail_url)
    return SmtpPostOffice(url) if url.scheme in _PORTS else FilePostOffice(data_dir / "mails")
