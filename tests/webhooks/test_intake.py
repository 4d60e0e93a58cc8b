"""Taking webhooks in: believed by their signature, kept once and sealed, answered at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.db import session, transaction
from app.gateways.stripe import StripeGateway
from app.gateways.types import RawRequest
from app.models import AuditEntry, GatewayAccount
from app.services import gateway_accounts, inbox
from app.settings import cache
from app.webhooks import intake
from simulators.faults import Fault, FaultKind
from tests.webhooks.counter import Counter


def audited(counter: Counter) -> list[str]:
    with counter.inside():
        found = session().scalars(select(AuditEntry).where(AuditEntry.action == "gateway_account.refuse_webhook"))
        return [row.changes["code"] for row in found]


def test_a_signed_webhook_is_kept_sealed_and_answered_with_nothing_but_a_200(counter: Counter) -> None:
    payment_id = counter.pay()
    letter = counter.letters[-1]
    answer = counter.deliver(letter)
    assert (answer.status_code, answer.data) == (200, b"")
    [kept] = counter.notices()
    assert (kept.state, kept.kind, kept.attempts, kept.gateway_account_id) == ("due", "payment", 0, counter.account_id)
    assert payment_id.encode() not in kept.sealed
    with counter.inside():
        opened = inbox.letter(kept)
    assert opened.webhook.body == letter.body
    assert opened.notice.payment
    assert opened.notice.payment.key == payment_id


def test_duplicates_at_the_same_moment_are_kept_once(counter: Counter) -> None:
    counter.pay()
    letter = counter.letters[-1]
    with ThreadPoolExecutor(8) as pool:
        answers = [found.result() for found in [pool.submit(counter.deliver, letter) for _ in range(24)]]
    assert {answer.status_code for answer in answers} == {200}
    assert len(counter.notices()) == 1


def test_a_bad_signature_is_refused_audited_and_nothing_is_kept(counter: Counter) -> None:
    counter.pay()
    letter = counter.letters[-1]
    answer = counter.deliver(replace(letter, body=letter.body.replace(b"2260", b"1260")))
    assert (answer.status_code, "signing secrets" in answer.json["error"]) == (400, True)
    assert counter.deliver(replace(letter, headers={})).status_code == 400
    assert counter.notices() == []
    assert audited(counter) == ["invalid_signature"], "once in a while, so that forgers do not fill the log"


@pytest.mark.parametrize("fault", [FaultKind.ERROR_BEFORE, FaultKind.HALF])
@pytest.mark.parametrize("counter", ["paypal"], indirect=True)
def test_one_that_cannot_be_checked_just_now_is_asked_for_again(counter: Counter, fault: FaultKind) -> None:
    """PayPal's certificate is fetched when a webhook is the first to be signed with it."""
    counter.pay()
    counter.world.simulator.faults.add(Fault(fault, on="GET /v1/notifications/certs"))
    answer = counter.deliver(counter.letters[-1])
    assert (answer.status_code, "certificate" in answer.json["error"], counter.notices()) == (503, True, [])
    assert counter.deliver(counter.letters[-1]).status_code == 200
    assert len(counter.notices()) == 1


def test_a_webhook_of_another_account_is_not_believed(counter: Counter) -> None:
    counter.pay()
    other = counter.connect(webhook_secrets="whsec_of_the_other")
    assert counter.deliver(counter.letters[-1], other).status_code == 400
    assert counter.notices() == []


@pytest.mark.parametrize("path", ["/webhooks/stripe/nobody", "/webhooks/square/{key}", "/webhooks/sandbox/{key}"])
def test_an_address_of_nobody_is_unknown(counter: Counter, path: str) -> None:
    counter.pay()
    key = counter.path.rpartition("/")[2]
    answer = counter.deliver(counter.letters[-1], path.format(key=key))
    assert (answer.status_code, "error" in answer.json) == (404, True)


def test_a_get_is_heard_too_and_believed_no_more_easily(counter: Counter) -> None:
    assert counter.app.test_client().get(counter.path).status_code == 400


def test_what_is_too_large_is_not_read(counter: Counter) -> None:
    counter.pay()
    answer = counter.deliver(replace(counter.letters[-1], body=b"x" * (intake.MAX_BYTES + 1)))
    assert answer.status_code == 413
    assert counter.notices() == []


def test_too_many_from_one_sender_are_told_to_wait_and_another_sender_is_not(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.pay()
    letter = counter.letters[-1]
    settings = counter.app.extensions["settings"]
    monkeypatch.setitem(counter.app.extensions, "settings", settings.model_copy(update={"webhook_limit": "3/hour"}))
    answers = [counter.deliver(letter) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert counter.deliver(letter, environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 200


@pytest.mark.parametrize(
    ("senders", "sender", "status"),
    [
        ([], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 200),
        (["203.0.113.0/24"], "198.51.100.1", 403),
        (["2001:db8::/32", "198.51.100.1/32"], "198.51.100.1", 200),
    ],
)
def test_an_account_may_take_webhooks_from_its_gateways_addresses_only(
    counter: Counter, senders: list[str], sender: str, status: int
) -> None:
    counter.pay()
    with counter.inside(), transaction():
        gateway_accounts.restrict_senders(counter.account_id, senders, counter.at)
    assert counter.deliver(counter.letters[-1], environ_base={"REMOTE_ADDR": sender}).status_code == status
    assert audited(counter) == (["sender_not_allowed"] if status == 403 else [])


def test_new_secrets_are_believed_at_once(counter: Counter) -> None:
    """The address is remembered for some seconds, but nobody is turned away by what is remembered."""
    counter.pay()
    assert counter.deliver(counter.letters[0]).status_code == 200
    with counter.inside(), transaction():
        credentials = {**counter.world.account(), "webhook_secrets": "whsec_new"}
        gateway_accounts.replace_credentials(counter.account_id, credentials, counter.at)
    assert counter.deliver(counter.world.webhook(secret="whsec_new")).status_code == 200


def test_a_disabled_account_still_hears_of_what_is_open(counter: Counter) -> None:
    counter.pay()
    with counter.inside(), transaction():
        gateway_accounts.disable(counter.account_id, counter.at)
    assert counter.deliver(counter.letters[-1]).status_code == 200


def test_without_redis_webhooks_are_taken_all_the_same(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.pay()
    with counter.inside():
        broken = cache().__class__.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.1)
    monkeypatch.setitem(counter.app.extensions, "redis", broken)
    assert counter.deliver(counter.letters[-1]).status_code == 200
    assert len(counter.notices()) == 1


def test_a_replayed_webhook_is_too_old_after_five_minutes(counter: Counter) -> None:
    counter.pay()
    assert counter.deliver(counter.world.webhook(age=310)).status_code == 400
    assert counter.deliver(counter.world.webhook(age=-310)).status_code == 400
    assert counter.deliver(counter.world.webhook(age=290)).status_code == 200


def test_addresses_differ_and_cannot_be_guessed(counter: Counter) -> None:
    counter.connect("Second")
    counter.connect("Third")
    with counter.inside():
        keys = session().scalars(select(GatewayAccount.webhook_key)).all()
    assert len(set(keys)) == len(keys)
    assert min(map(len, keys)) >= 43


def test_what_a_webhook_says_never_stands_in_a_log(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not when it is refused, and not when it breaks something of ours."""
    counter.pay()
    letter = replace(counter.letters[-1], body=b'{"number": "4242424242424242", "name": "Fay Fox"}')
    assert counter.deliver(letter).status_code == 400

    def breaks(_adapter: StripeGateway, request: RawRequest) -> None:
        json.loads(request.body)["data"]

    monkeypatch.setattr(StripeGateway, "parse_webhook", breaks)
    assert counter.deliver(letter).status_code == 500
    assert "webhook not taken" in caplog.text
    assert [word for word in ("4242", "Fay Fox") if word in caplog.text] == []
