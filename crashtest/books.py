"""What the gateways took, what we have written down, and where the two differ."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MAY_BE_UNSEEN = ("sending", "unknown")


@dataclass(frozen=True, slots=True)
class Theirs:
    """Money that a gateway took for one of our keys, in minor units, before what it sent back of it."""

    key: str
    minor: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Ours:
    """One attempt as we have it. `refunded` is what surely went back."""

    id: str
    invoice_id: str
    gateway: str
    status: str
    minor: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Both sides, the status of each invoice, and what waits for an answer or for a worker, by what it is.

    Disputes are by the gateway's reference, with what is disputed in minor units.
    """

    theirs: Sequence[Theirs]
    ours: Sequence[Ours]
    invoices: Mapping[str, str]
    waiting: Sequence[str] = ()
    their_disputes: Mapping[str, int] = field(default_factory=dict)
    our_disputes: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Differences:
    """A line for each: money taken or sent back more than once, money that only one side knows of, and what nobody
    knows the end of."""

    twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.twice or self.lost or self.unresolved)

    def __iter__(self) -> Iterator[str]:
        yield from (f"twice: {line}" for line in self.twice)
        yield from (f"lost: {line}" for line in self.lost)
        yield from (f"unresolved: {line}" for line in self.unresolved)


def compare(books: Books) -> Differences:
    """Compare both sides, to the cent."""
    found = Differences(unresolved=list(books.waiting))
    _compare_keys(books, found)
    _compare_invoices(books, found)
    _compare_disputes(books, found)
    return found


def _compare_keys(books: Books, found: Differences) -> None:
    ours = {payment.id: payment for payment in books.ours}
    taken: dict[str, list[Theirs]] = defaultdict(list)
    for theirs in books.theirs:
        taken[theirs.key].append(theirs)
    for key, rows in taken.items():
        payment = ours.get(key)
        if payment is None:
            found.lost.append(f"{sum(row.minor for row in rows)} for {key or 'no key'}, which is none of ours")
        else:
            _compare_payment(payment, rows, found)
    for payment in books.ours:
        if payment.status == "succeeded" and payment.id not in taken:
            found.lost.append(f"{payment.gateway} took nothing for {payment.id}, which counts as paid here")


def _compare_payment(ours: Ours, theirs: Sequence[Theirs], found: Differences) -> None:
    name = f"{ours.gateway} {ours.id}"
    minor, refunded = sum(row.minor for row in theirs), sum(row.refunded for row in theirs)
    if len(theirs) > 1:
        found.twice.append(f"{name} was taken {len(theirs)} times")
    if ours.status != "succeeded":
        found.lost.append(f"{name} took {minor} and is {ours.status} here")
    elif ours.minor != minor:
        found.lost.append(f"{name} took {minor}, and {ours.minor} is what we know of")
    if refunded > ours.refunded:
        found.twice.append(f"{name} sent {refunded} back, and {ours.refunded} is what we know of")
    elif refunded < ours.refunded:
        found.lost.append(f"{name} sent only {refunded} back of {ours.refunded}")


def _compare_invoices(books: Books, found: Differences) -> None:
    invoice_of = {payment.id: payment.invoice_id for payment in books.ours}
    keys: dict[str, set[str]] = defaultdict(set)
    for theirs in books.theirs:
        if theirs.key in invoice_of:
            keys[invoice_of[theirs.key]].add(theirs.key)
    for invoice_id, status in books.invoices.items():
        if len(keys[invoice_id]) > 1:
            found.twice.append(f"{invoice_id} was paid by {', '.join(sorted(keys[invoice_id]))}")
        if status != "paid":
            found.unresolved.append(f"{invoice_id} is {status}")


def _compare_disputes(books: Books, found: Differences) -> None:
    for ref in sorted({*books.their_disputes, *books.our_disputes}):
        theirs, ours = books.their_disputes.get(ref), books.our_disputes.get(ref)
        if theirs != ours:
            found.lost.append(f"dispute {ref} is about {theirs}, and {ours} is what we know of")
