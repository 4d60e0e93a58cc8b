"""What the tests of subscriptions sell: terms in a line, instants out of text, lines as short rows."""

from datetime import UTC, datetime
from decimal import Decimal

from app.domain.periods import Recurrence
from app.domain.pricing import Standard
from app.domain.terms import Item, Terms


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def item(name, amount, quantity=1):
    return Item(name, Standard(unit_amount=Decimal(amount)), Decimal(quantity))


def terms(amount, *, quantity=1, every="month", name=None, also=(), currency="CAD", **rules):
    """Terms of one item at `amount` for each of `quantity` units, and of the items in `also`."""
    items = (item(name or f"Plan {amount}", amount, quantity), *also)
    return Terms(items, currency, Recurrence.parse(every), **rules)


def rows(lines):
    """Kind, start and end day, fraction, amount: what a table of cases compares."""
    return [
        (
            line.kind.value,
            f"{line.period.start:%m-%d}",
            f"{line.period.end:%m-%d}",
            str(line.fraction),
            f"{line.amount.amount}",
        )
        for line in lines
    ]
