"""Looking at a payment before it is charged: let through, challenged by the bank, held for a person, or refused."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from ipaddress import ip_address

from app.actors import current_actor
from app.db import session
from app.domain.errors import Conflict, InvalidInput
from app.domain.fraud import COUNTS, DEFAULTS, SIGNALS, Facts, Verdict, judge
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.models import FraudEntry, FraudReview, FraudRule, GatewayAccount, Invoice, PaymentMethod
from app.queries import fraud as query
from app.queries.base import get
from app.queries.fraud import Case, Known
from app.services import collection
from app.services.events import emit
from app.services.history import audit
from app.services.locks import lock_debt

Held = tuple[str, str]
KINDS = ("email", "ip", "country", "card")
_COUNTED_BY: Mapping[str, str] = {
    "customer_attempts": "customer_id",
    "method_attempts": "method_id",
    "card_attempts": "card",
    "ip_attempts": "ip",
}
# Why nothing is charged: the code, and what the payer is told, which helps nobody to get round it.
UNDER_REVIEW = ("payment_under_review", "This payment is looked at before anything is charged. There is nothing to do.")
REFUSED = ("payment_refused", "This payment cannot be taken. Please get in touch with us.")


def screen(invoice: Invoice, method: PaymentMethod | None, at: datetime, *, off_session: bool) -> Verdict | Held:
    """The verdict on charging an invoice now, written down: ALLOW or CHALLENGE, or why nothing is charged.

    Nobody can be challenged who is not there; of charges without the payer only the lists and the gateway's highest
    risk are looked at. What a person has decided on this invoice holds.
    """
    case = _case(invoice, method, None if off_session else current_actor.get().pays_from)
    known = query.known(case)
    if known.review:
        return _DECIDED[known.review]
    facts = _facts_off_session(known) if off_session else _facts(case, known, at)
    verdict, signals = judge(facts, known.rules or DEFAULTS)
    if verdict is Verdict.CHALLENGE and not off_session and not _can_challenge(method):
        verdict = Verdict.REVIEW
    if verdict is Verdict.REFUSE:
        audit("payment.refused", invoice.id, at, signals=signals)
        return REFUSED
    if verdict is Verdict.REVIEW:
        _hold(invoice, method, facts, signals, at)
        return UNDER_REVIEW
    return verdict if not off_session else Verdict.ALLOW


def release(review_id: str, at: datetime) -> FraudReview:
    """Let the invoice be charged from now on, and at once if that is done by itself.

    Raises Conflict for a review that was decided.
    """
    row = _decide(review_id, "released", at)
    emit("review.released", row.id, at, customer_id=row.customer_id, invoice=row.invoice_id)
    collection.go_on(lock_debt(row.invoice_id), at, pause=timedelta(0))
    return row


def refuse(review_id: str, at: datetime) -> FraudReview:
    """Never charge the invoice: it is owed, and dunning goes on. Raises Conflict for a review that was decided."""
    row = _decide(review_id, "refused", at)
    emit("review.refused", row.id, at, customer_id=row.customer_id, invoice=row.invoice_id)
    collection.declined(lock_debt(row.invoice_id), "suspected_fraud", at)
    return row


def add_rule(signal: str, verdict: str, at: datetime, *, at_least: int = 1) -> FraudRule:
    """Add a rule. Raises InvalidInput for an unknown signal or verdict, and a number below one."""
    if signal not in SIGNALS:
        raise InvalidInput("There is no such signal.", code="unknown_signal", field="signal")
    if verdict not in list(Verdict):
        raise InvalidInput("There is no such verdict.", code="unknown_verdict", field="verdict")
    if at_least < 1:
        raise InvalidInput("Count from one.", code="invalid_number", field="at_least")
    row = FraudRule(signal=signal, verdict=verdict, at_least=at_least if signal in COUNTS else 1, created_at=at)
    session().add(row)
    session().flush()
    audit("fraud_rule.add", row.id, at, signal=signal, verdict=verdict, at_least=row.at_least)
    return row


def remove_rule(rule_id: str, at: datetime) -> None:
    """Take a rule away."""
    row = get(FraudRule, rule_id, lock=True)
    audit("fraud_rule.remove", row.id, at, signal=row.signal, verdict=row.verdict)
    session().delete(row)


def add_entry(kind: str, value: str, at: datetime, *, allow: bool) -> FraudEntry:
    """Put something on the list of what is always let through (`allow`), or never. Raises InvalidInput."""
    row = FraudEntry(kind=kind, value=_value(kind, value.strip().lower()), allow=allow, created_at=at)
    session().add(row)
    session().flush()
    audit("fraud_entry.add", row.id, at, kind=kind, allow=allow)
    return row


def remove_entry(entry_id: str, at: datetime) -> None:
    """Take something off a list."""
    row = get(FraudEntry, entry_id, lock=True)
    audit("fraud_entry.remove", row.id, at, kind=row.kind, allow=row.allow)
    session().delete(row)


def _case(invoice: Invoice, method: PaymentMethod | None, ip: str | None) -> Case:
    customer = invoice.customer
    return Case(
        invoice_id=invoice.id,
        customer_id=customer.id,
        email=customer.email,
        country=customer.address.get("country"),
        ip=ip,
        method_id=method.id if method else None,
        card=method.fingerprint if method else None,
    )


def _facts_off_session(known: Known) -> Facts:
    highest = known.findings.get("risk") == "highest"
    return Facts(risk="highest" if highest else None, listed=_listed(known))


def _facts(case: Case, known: Known, at: datetime) -> Facts:
    """This attempt counts for whatever it is recognised by."""
    found = query.counts(case, at)
    for name, mark in _COUNTED_BY.items():
        found[name] += 1 if getattr(case, mark) else 0
    return Facts(**found, **known.findings, listed=_listed(known))


def _listed(known: Known) -> Verdict | None:
    """Blocked goes before allowed: somebody who is let through does not get in from a blocked place."""
    if not known.listed:
        return None
    return Verdict.ALLOW if all(known.listed) else Verdict.REFUSE


def _hold(invoice: Invoice, method: PaymentMethod | None, facts: Facts, signals: list[str], at: datetime) -> None:
    row = FraudReview(
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        payment_method_id=method.id if method else None,
        currency=invoice.currency,
        amount_minor=invoice.due_minor,
        ip=current_actor.get().pays_from,
        signals=signals,
        facts=asdict(facts),
        created_at=at,
    )
    session().add(row)
    session().flush()
    audit("payment.held", row.id, at, invoice=invoice.id, signals=signals)
    emit("review.opened", row.id, at, customer_id=invoice.customer_id, invoice=invoice.id)


def _decide(review_id: str, status: str, at: datetime) -> FraudReview:
    row = get(FraudReview, review_id, lock=True)
    if row.status != "open":
        raise Conflict(f"This payment was {row.status} already.", code="decided")
    row.status, row.decided_at = status, at
    audit(f"payment.{status}", row.id, at, invoice=row.invoice_id)
    return row


def _can_challenge(method: PaymentMethod | None) -> bool:
    """Whether the payer's bank can be made to ask. The gateway's own pages see to that themselves."""
    if method is None:
        return True
    gateway = gateway_class(get(GatewayAccount, method.gateway_account_id).gateway)
    return Capability.CHALLENGE in gateway.capabilities and method.kind in gateway.challenges


_DECIDED: Mapping[str, Verdict | Held] = {"open": UNDER_REVIEW, "refused": REFUSED, "released": Verdict.ALLOW}


def _value(kind: str, value: str) -> str:
    if kind == "ip":
        try:
            return str(ip_address(value))
        except ValueError:
            raise InvalidInput("That is not an IP address.", code="invalid_ip", field="value") from None
    if kind not in KINDS or not value or (kind == "country" and len(value) != 2):
        raise InvalidInput(
            "Give an e-mail address, an IP address, a country's two letters or a card's fingerprint.", field="value"
        )
    return value
