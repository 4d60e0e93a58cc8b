"""From a gateway's decline code to our word. Each adapter brings its table; codes it does not know are counted here."""

import logging
from collections import Counter
from collections.abc import Mapping

from app.domain.declines import UNKNOWN, Decline, decline_for

log = logging.getLogger(__name__)

# (gateway, code) → how often it was seen since the process began; what stands here belongs into that gateway's table.
unknown_codes: Counter[tuple[str, str]] = Counter()


def decline_from(gateway: str, words: Mapping[str, str], *codes: str | None) -> Decline:
    """The decline behind the first of the gateway's codes that its table `words` knows, most telling code first.

    With none known it is a soft `card_declined`, logged and counted.
    """
    given = [code for code in codes if code]
    known = next((code for code in given if code in words), None)
    if known:
        return decline_for(words[known])
    code = given[0] if given else ""
    unknown_codes[gateway, code] += 1
    log.warning("unknown decline code %r from %s", code, gateway)
    return UNKNOWN
