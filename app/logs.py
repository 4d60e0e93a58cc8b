"""Structured logs: JSON or console, a request id that follows into jobs, secrets blanked."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars
from structlog.typing import EventDict, Processor

from app.config import LogFormat
from app.ids import new_id

SECRET_NAMES = re.compile(
    r"password|secret|token|authorization|cookie|credential|api_key|encryption_key|signature|cvc|card_number", re.I
)
# What a secret looks like; the group, if there is one, may be read.
SECRET_VALUES = re.compile(
    "|".join(
        (
            r"(qk_(?:test|live)_[\w-]{6})[\w-]+",  # our keys, of which six characters are shown as a hint
            r"([rs]k_(?:test|live)_|whsec_)[\w-]+",
            r"((?:Bearer|Basic)\s+)[\w.~+/=-]+",
            r"(://[^/:@\s]*:)[^/@\s]+(?=@)",  # the password of an address
            r"(/(?:password|pay|pay/return)/)[\w.-]{16,}",  # links that open something by themselves
            r"\b\d(?:[ -]?\d){12,18}\b",  # card numbers
        )
    )
)
REDACTED = "[redacted]"
TRAIL_HEADER = "X-Request-Id"
TRAIL = re.compile(r"[A-Za-z0-9._-]{8,64}")


def configure(level: str, log_format: LogFormat) -> None:
    """Send the application's and the libraries' logs through one chain to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format is LogFormat.json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[out], level=level, force=True)
    for noisy in ("rq", "alembic", "xhtml2pdf", "svglib", "fontTools", "urllib3", "httpx", "stripe", "_granian"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Blank what looks like a secret, by its name or by its shape (keys, card numbers)."""
    return {name: _blank(name, value) for name, value in event.items()}


def _blank(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blank(str(key), inner) for key, inner in value.items()}
    if SECRET_NAMES.search(name) and value:
        return REDACTED
    if isinstance(value, list | tuple | set):
        return [_blank(name, inner) for inner in value]
    if isinstance(value, BaseException):
        value = str(value)
    if isinstance(value, str):
        return SECRET_VALUES.sub(lambda found: (found[found.lastindex] if found.lastindex else "") + REDACTED, value)
    return value


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of one room."""
    return structlog.stdlib.get_logger(name)


def start_trail(request_id: str | None) -> str:
    """Begin the log context of a request or job; gives the request id that all its lines carry."""
    clear_contextvars()
    trail = request_id or new_id("req")
    bind_contextvars(request_id=trail)
    return trail


def given_trail(header: str | None) -> str | None:
    """The request id that somebody sent along, if it is fit to be one."""
    return header if header and TRAIL.fullmatch(header) else None


@contextmanager
def follow_trail(request_id: str | None) -> Iterator[None]:
    """Carry on the request id of what asked for the work inside the block."""
    with bound_contextvars(**({"request_id": request_id} if request_id else {})):
        yield


def request_id() -> str | None:
    """The id that ties this request, its events and its jobs together."""
    return get_contextvars().get("request_id")
