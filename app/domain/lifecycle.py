"""Where each status may go. The tables are the law; whatever changes a status asks `check_transition`."""

from collections.abc import Mapping
from typing import Literal

from app.domain.errors import IllegalTransition

Noun = Literal["subscription", "invoice", "payment", "refund", "dispute", "deposit"]
Moves = Mapping[str, frozenset[str]]


def _moves(**table: str) -> Moves:
    """`draft="open void"` reads: a draft may become open or void."""
    return {old: frozenset(new.split()) for old, new in table.items()}


# A subscription expires when its first payment never came or its agreed term is over; it is canceled by a
# person or by the last step of dunning. Resumed before its trial is over, a paused one is trialing again.
_SUBSCRIPTION = _moves(
    incomplete="trialing active past_due canceled expired",
    trialing="active past_due paused canceled expired",
    active="past_due unpaid paused canceled expired",
    past_due="active unpaid paused canceled expired",
    unpaid="active canceled expired",
    paused="trialing active past_due unpaid canceled expired",
    canceled="",
    expired="",
)

# A paid invoice opens again when its payment is returned by the bank. Written-off debt may still be paid. A
# finalised invoice never becomes a draft again, because its number has been given out.
_INVOICE = _moves(
    draft="open void",
    open="paid void uncollectible",
    paid="open",
    uncollectible="paid void",
    void="",
)

# Money may arrive late (ARCHITECTURE §2.7-2.8): a gateway can report success for an attempt already failed or
# canceled here, and it must be booked, so both may still succeed. No answer is `unknown`, and becomes
# whatever the gateway says once asked. A debit that was believed settled can be returned by the bank:
# succeeded, then failed. What waits for the gateway's form on our page is sent once that is filled in.
_PAYMENT = _moves(
    sending="requires_action pending authorized succeeded failed canceled unknown",
    requires_action="sending pending authorized succeeded failed canceled unknown",
    pending="requires_action authorized succeeded failed canceled unknown",
    authorized="pending succeeded failed canceled unknown",
    unknown="requires_action pending authorized succeeded failed canceled",
    failed="succeeded",
    canceled="succeeded",
    succeeded="failed",
)

# A refund that the gateway reported as done can bounce days later from a closed account, and one given up can
# be found.
_REFUND = _moves(
    sending="pending succeeded failed unknown",
    pending="succeeded failed unknown",
    unknown="pending succeeded failed",
    succeeded="failed",
    failed="succeeded",
)

# An inquiry takes no money and may be closed or become a dispute. The bank can open a decided one again
# (arbitration).
_DISPUTE = _moves(
    inquiry="open closed",
    open="under_review won lost accepted",
    under_review="open won lost",
    won="open under_review lost",
    lost="open under_review won",
    accepted="",
    closed="open",
)

# Until a chain has grown enough over a transfer it may be gone again, seldom even later, and come back somewhere else.
_DEPOSIT = _moves(
    detected="confirmed reorged",
    confirmed="detected reorged",
    reorged="detected confirmed",
)

TRANSITIONS: Mapping[Noun, Moves] = {
    "subscription": _SUBSCRIPTION,
    "invoice": _INVOICE,
    "payment": _PAYMENT,
    "refund": _REFUND,
    "dispute": _DISPUTE,
    "deposit": _DEPOSIT,
}
INITIAL: Mapping[Noun, frozenset[str]] = {
    "subscription": frozenset({"incomplete", "trialing", "active"}),
    "invoice": frozenset({"draft"}),
    "payment": frozenset({"sending"}),
    "refund": frozenset({"sending"}),
    "dispute": frozenset({"inquiry", "open"}),
    "deposit": frozenset({"detected"}),
}


def statuses(noun: Noun) -> frozenset[str]:
    """Every status a noun can have, e.g. for a check constraint or a filter on a page."""
    return frozenset(TRANSITIONS[noun])


def is_final(noun: Noun, status: str) -> bool:
    """Whether nothing can follow: `is_final("subscription", "canceled")`."""
    return not TRANSITIONS[noun][status]


def check_transition(noun: Noun, old: str, new: str) -> bool:
    """Whether `old` to `new` is a move at all: equal statuses are none, and are ignored by the caller.

    Raises IllegalTransition with a sentence for a move that the table does not have, and for an unknown
    status.
    """
    moves = TRANSITIONS[noun]
    if old == new and old in moves:
        return False
    allowed = moves.get(old)
    if allowed is None or new not in moves:
        unknown = old if allowed is None else new
        message = f"“{unknown}” is not a status of {_a(noun)}."
        raise IllegalTransition(message, code="unknown_status", field="status")
    if new not in allowed:
        raise IllegalTransition(_refusal(noun, old, new, allowed), field="status")
    return True


def _refusal(noun: Noun, old: str, new: str, allowed: frozenset[str]) -> str:
    ways = f"it can become {', '.join(sorted(allowed))}" if allowed else "that status is final"
    return f"{_a(noun).capitalize()} that is {old} cannot become {new}: {ways}."


def _a(noun: Noun) -> str:
    return f"an {noun}" if noun == "invoice" else f"a {noun}"
