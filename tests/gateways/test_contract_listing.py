"""The contract: the gateway's own list agrees with its books, so that reconciliation can build on it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.gateways.base import Capability, Gateway
from app.gateways.types import Transaction
from tests.gateways.contract import a_payment, a_refund, needs, settled, where
from tests.gateways.worlds import World

HOUR = timedelta(hours=1)


@needs(Capability.LIST_TRANSACTIONS)
def test_every_payment_in_the_books_is_listed_once_with_our_key(world: World, gateway: Gateway) -> None:
    for minor in (1130, 2260, 3390):
        settled(world, gateway, minor)
    for token in list(world.declines)[:1]:
        gateway.create_payment(replace(a_payment(world), token=token))
    listed = _rows(gateway, "payment")
    books = {(taken.key, taken.ref, taken.units, taken.currency) for taken in world.books()}
    assert {(row.key, row.gateway_ref, row.amount.minor, row.amount.currency) for row in listed} == books
    assert len(listed) == 3


@needs(Capability.LIST_TRANSACTIONS | Capability.MULTI_REFUND, where("lists_refunds"))
def test_every_refund_is_listed_with_a_positive_amount(world: World, gateway: Gateway, case: bool) -> None:
    _, ref = settled(world, gateway, 1130)
    sent = [gateway.refund(a_refund(world, ref, minor)).gateway_ref for minor in (130, 500)]
    listed = {row.gateway_ref: row.amount.minor for row in _rows(gateway, "refund")}
    assert listed == dict(zip(sent, (130, 500), strict=True))
    assert sum(listed.values()) == world.books()[0].refunded


@needs(Capability.LIST_TRANSACTIONS)
def test_the_list_holds_its_first_instant_and_not_its_last(world: World, gateway: Gateway) -> None:
    settled(world, gateway)
    [row] = _rows(gateway, "payment")
    second = timedelta(seconds=1)
    assert gateway.list_transactions(row.at, row.at + second)
    assert not gateway.list_transactions(row.at - HOUR, row.at)
    assert not gateway.list_transactions(row.at + second, row.at + HOUR)


@needs(Capability.LIST_TRANSACTIONS)
@pytest.mark.parametrize("cut", [timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=500)])
def test_spans_that_meet_list_a_payment_once(world: World, gateway: Gateway, cut: timedelta) -> None:
    settled(world, gateway)
    [row] = _rows(gateway, "payment")
    middle = row.at + cut
    before = gateway.list_transactions(row.at - HOUR, middle)
    after = gateway.list_transactions(middle, row.at + HOUR)
    assert [found.gateway_ref for found in (*before, *after)] == [row.gateway_ref]


def _rows(gateway: Gateway, kind: str) -> list[Transaction]:
    now = datetime.now(UTC)
    return [row for row in gateway.list_transactions(now - HOUR, now + HOUR) if row.kind == kind]
