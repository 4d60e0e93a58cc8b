"""What passes as a card number: digits that an issuer could have given out, wherever in a text they stand."""

import re
from collections.abc import Iterator
from typing import NamedTuple

SHORTEST = 13
MOST_GROUPS = 8  # four of four, with a month, a year and a code beside them


class Range(NamedTuple):
    """Numbers that begin with `first` to `last`, both inclusive and equally long, and have one of so many digits."""

    first: str
    last: str
    lengths: tuple[int, ...]


# ISO/IEC 7812: the first digits name the issuer. A scheme has the ranges that it publishes, the domestic ones that run
# inside of another's range have its line, and a length that is rare but given out counts.
ISSUED: tuple[Range, ...] = (
    Range("4", "4", (13, 16, 18, 19)),  # Visa
    Range("51", "55", (16,)),  # Mastercard
    Range("2221", "2720", (16,)),  # Mastercard
    Range("34", "34", (15,)),  # American Express
    Range("37", "37", (15,)),  # American Express
    Range("300", "305", (14, 16, 19)),  # Diners Club
    Range("309", "309", (14, 16, 19)),  # Diners Club
    Range("36", "36", (14, 16, 19)),  # Diners Club
    Range("38", "39", (14, 16, 19)),  # Diners Club
    Range("3528", "3589", (16, 17, 18, 19)),  # JCB
    Range("50", "50", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, Dankort, Elo, Verve
    Range("56", "58", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    Range("60", "69", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, and inside of it Discover, UnionPay, RuPay, Hipercard
    Range("2200", "2205", (16, 17, 18, 19)),  # Mir, Borica
)
_BY_FIRST_DIGIT = {digit: [one for one in ISSUED if one.first[0] == digit] for digit in "23456"}
# Card numbers begin with 2 to 6 and stand by themselves. Without that, digits inside of one in 450 random UUIDs would
# pass for one, and such ids stand by the thousand in what applications send.
_RUN = re.compile(r"(?<![0-9A-Za-z+])(?<![0-9A-Za-z]-)[2-6](?:[ -]?\d){12,18}(?!-?[0-9A-Za-z])")
_IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_BETWEEN = re.compile("[ -]")
# All that a run consists of looks alike here; digits of other scripts are written with bytes beyond ASCII.
_BLURRED = bytes.maketrans(b"123456789 -" + bytes(range(128, 256)), b"0" * (11 + 128))
_SHORTEST_RUN = b"0" * SHORTEST


def holds_card_number(text: str) -> bool:
    """Whether a text holds what passes as a card number: of a scheme's range and length, with a Luhn check.

    Spaces and dashes may stand between the digits, and a month or a security code beside them. Telephone numbers with a
    plus and bank accounts (IBAN) are none, whatever their digits add up to.
    """
    runs = _RUN.findall(_IBAN.sub(_without_account, text))
    return any(_is_issued(digits) and _luhn(digits) for run in runs for digits in _numbers(run))


def a_line_holds_card_number(text: bytes) -> bool:
    """Whether a line of a text (UTF-8) holds one, in a fraction of the time that thousands of lines take by themselves.

    Nothing but a run is looked at: what stands around it may only speak against it.
    """
    text += b"\n"
    blurred, end = text.translate(_BLURRED), 0
    while (found := blurred.find(_SHORTEST_RUN, end)) >= 0:
        start, end = text.rfind(b"\n", 0, found) + 1, text.find(b"\n", found)
        if holds_card_number(text[start:end].decode()):
            return True
    return False


def _numbers(run: str) -> Iterator[str]:
    """Every number that neighbouring groups of digits can be read as; of digits that stand apart, all of them."""
    groups = _BETWEEN.split(run)
    if len(groups) > MOST_GROUPS:
        groups = ["".join(groups)]
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) >= SHORTEST:
                yield digits


def _is_issued(digits: str) -> bool:
    ranges = _BY_FIRST_DIGIT.get(digits[0], ())
    return any(len(digits) in one.lengths and one.first <= digits[: len(one.first)] <= one.last for one in ranges)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _without_account(found: re.Match[str]) -> str:
    """Nothing for an IBAN whose check digits are right (ISO 13616: 97 divides it with one left over)."""
    text = found[0].replace(" ", "")
    digits = "".join(str(int(letter, 36)) for letter in text[4:] + text[:4])
    return "" if int(digits) % 97 == 1 else found[0]
