"""The rule table of the fraud checks: what is known of a payment, and what is done about it."""

import pytest

from app.domain.fraud import DEFAULTS, SIGNALS, Facts, Rule, Verdict, judge

ALLOW, CHALLENGE, REVIEW, REFUSE = Verdict


@pytest.mark.parametrize(
    ("facts", "rules", "verdict", "signals"),
    [
        (Facts(), DEFAULTS, ALLOW, []),
        (Facts(customer_attempts=19, method_attempts=9, ip_attempts=29), DEFAULTS, ALLOW, []),
        (Facts(customer_attempts=20), DEFAULTS, REVIEW, ["customer_attempts"]),
        (Facts(method_attempts=10, ip_attempts=31), DEFAULTS, REVIEW, ["ip_attempts", "method_attempts"]),
        (Facts(cvc=False), DEFAULTS, CHALLENGE, ["cvc_failed"]),
        (Facts(cvc=True, address=True, postal_code=True, risk="normal"), DEFAULTS, ALLOW, []),
        (Facts(cvc=None), DEFAULTS, ALLOW, []),
        (Facts(risk="elevated"), DEFAULTS, CHALLENGE, ["risk_elevated"]),
        (Facts(risk="highest"), DEFAULTS, REVIEW, ["risk_highest"]),
        (Facts(risk="highest", cvc=False), DEFAULTS, REVIEW, ["risk_highest"]),
        (Facts(address=False), [Rule("address_failed", REFUSE)], REFUSE, ["address_failed"]),
        (Facts(postal_code=False), [Rule("postal_code_failed", REVIEW)], REVIEW, ["postal_code_failed"]),
        (
            Facts(ip_attempts=3),
            [Rule("ip_attempts", REVIEW, 4), Rule("ip_attempts", CHALLENGE, 3)],
            CHALLENGE,
            ["ip_attempts"],
        ),
        (Facts(listed=ALLOW, risk="highest"), DEFAULTS, ALLOW, ["listed"]),
        (Facts(listed=REFUSE), [], REFUSE, ["listed"]),
    ],
)
def test_the_strictest_rule_that_applies_decides_and_the_lists_go_before(
    facts: Facts, rules: list[Rule], verdict: Verdict, signals: list[str]
) -> None:
    assert judge(facts, rules) == (verdict, signals)


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_can_be_there_and_can_be_missing(signal: str) -> None:
    there = Facts(1, 1, 1, 1, 1, signal.rpartition("_")[2], cvc=False, address=False, postal_code=False)
    assert judge(there, [Rule(signal, REVIEW)])[0] is REVIEW
    assert judge(Facts(risk="normal"), [Rule(signal, REVIEW)])[0] is ALLOW
