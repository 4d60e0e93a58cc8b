"""Credit notes: tables with the sum beside the case. Law: 100 random sequences of notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.credit_notes import LinePart, credit_all, credit_amount, credit_lines, left_of
from app.domain.errors import BillingError
from app.domain.money import Money
from tests.laws import tried


def cad(minor):
    return Money(minor, "CAD")


ON_TOP = LinePart(10_000, (1300,))  # 100.00 and 13 %
INSIDE = LinePart(10_000, (1300,), inclusive=True)  # 113.00 with 13 % inside
QUEBEC = LinePart(10_000, (500, 998))
CREDIT_LINE = LinePart(-4000, (-520,))


@pytest.mark.parametrize(
    ("lines", "amount", "parts"),
    [
        ([ON_TOP], 4068, [LinePart(3600, (468,))]),  # 40.68 × 100/113
        ([ON_TOP], 11_300, [ON_TOP]),
        ([ON_TOP], 1, [LinePart(1, (0,))]),
        ([INSIDE], 5650, [LinePart(5000, (650,), True)]),
        ([QUEBEC], 5749, [LinePart(5000, (250, 499))]),  # half of 114.98
        ([ON_TOP, ON_TOP], 113, [LinePart(50, (7,)), LinePart(50, (6,))]),  # 6.5 + 6.5: the tie to the earlier
        ([ON_TOP, CREDIT_LINE], 3390, [LinePart(5000, (650,)), LinePart(-2000, (-260,))]),  # half of 67.80
    ],
)
def test_a_total_is_taken_from_lines_and_taxes_in_proportion(lines, amount, parts):
    note = credit_amount(lines, cad(amount))
    assert list(note.parts) == parts
    assert note.total == cad(amount)


@pytest.mark.parametrize(
    ("line", "amount", "part"),
    [
        (ON_TOP, 5000, LinePart(5000, (650,))),
        (ON_TOP, 33, LinePart(33, (4,))),  # 4.29 cents
        (INSIDE, 5650, LinePart(5000, (650,), True)),
        (QUEBEC, 3333, LinePart(3333, (167, 333))),  # 166.65 and 332.6334
        (LinePart(10_000), 2500, LinePart(2500)),
    ],
)
def test_an_amount_of_a_line_takes_its_taxes_along(line, amount, part):
    assert credit_lines([ON_TOP, line], {1: cad(amount)}, "CAD").parts == (LinePart(0, (0,)), part)


def test_all_that_is_left_is_the_invoice_less_the_notes():
    first = credit_lines([ON_TOP, QUEBEC], {0: cad(3333)}, "CAD")
    rest = credit_all(left_of([ON_TOP, QUEBEC], [first]), "CAD")
    assert (first.total, rest.total) == (cad(3766), cad(19_032))  # 33.33 + 4.33, of 227.98
    assert (rest.net, rest.tax) == (cad(16_667), cad(2365))


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (lambda: credit_amount([ON_TOP], cad(11_301)), "credit_exceeds_invoice"),
        (lambda: credit_amount([ON_TOP], cad(0)), "credit_not_positive"),
        (lambda: credit_amount([], cad(1)), "credit_exceeds_invoice"),
        (lambda: credit_amount([CREDIT_LINE], cad(1)), "credit_exceeds_invoice"),
        (lambda: credit_lines([ON_TOP], {0: cad(10_001)}, "CAD"), "credit_exceeds_invoice"),
        (lambda: credit_lines([ON_TOP, CREDIT_LINE], {0: cad(10_000)}, "CAD"), "credit_exceeds_invoice"),
        (lambda: credit_lines([ON_TOP], {0: cad(-1)}, "CAD"), "credit_not_positive"),
        (lambda: credit_lines([ON_TOP], {1: cad(1)}, "CAD"), "unknown_line"),
        (lambda: credit_lines([ON_TOP], {}, "CAD"), "credit_not_positive"),
        (lambda: credit_all([LinePart(0, (0,))], "CAD"), "nothing_left_to_credit"),
    ],
)
def test_a_credit_note_beyond_the_invoice_is_refused(write, code):
    with pytest.raises(BillingError) as refusal:
        write()
    assert refusal.value.code == code


def test_a_refusal_says_what_is_left():
    with pytest.raises(BillingError, match=r"Only 113\.00 CAD is left to be credited here\."):
        credit_amount([ON_TOP], cad(20_000))


parts = st.builds(
    LinePart,
    st.integers(-(10**6), 10**7),
    st.lists(st.integers(0, 10**6), min_size=2, max_size=2).map(tuple),
    st.booleans(),
)


def notes_on(left):
    """Any credit note that may be written on what is left: of a total, or of one line."""
    total = sum(part.total for part in left)
    of_total = st.integers(1, total).map(lambda minor: credit_amount(left, cad(minor)))
    lines = [i for i, part in enumerate(left) if part.net > 0 and part.total <= total]
    if not lines:
        return of_total

    def of_line(position, minor):
        return credit_lines(left, {position: cad(min(minor, left[position].priced))}, "CAD")

    return st.one_of(of_total, st.builds(of_line, st.sampled_from(lines), st.integers(1, 10**7)))


def shrinks(line, rest):
    pairs = zip((line.net, *line.taxes), (rest.net, *rest.taxes), strict=True)
    return all(abs(now) <= abs(before) and now * before >= 0 for before, now in pairs)


@tried(100)
@given(st.lists(parts, min_size=1, max_size=3), st.data())
def test_notes_in_a_row_sum_to_the_invoice_and_only_shrink_what_is_left(lines, data):
    left, notes = list(lines), []
    while len(notes) < 3 and sum(part.total for part in left) > 0:
        notes.append(data.draw(notes_on(left)))
        rest = left_of(lines, notes)
        assert all(map(shrinks, left, rest))
        left = rest
    if any(part.net or any(part.taxes) for part in left):
        notes.append(credit_all(left, "CAD"))
    assert sum(note.total.minor for note in notes) == sum(line.total for line in lines)
    assert left_of(lines, notes) == [LinePart(0, (0, 0), line.inclusive) for line in lines]
