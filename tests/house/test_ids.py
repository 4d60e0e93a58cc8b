"""Ids: readable outside, in the order of time, and whatever is no id is found nowhere."""

import json
from base64 import urlsafe_b64encode
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID
from typeid.errors import TypeIDException

from app.domain.errors import BillingError, InvalidInput, NotFound
from app.ids import as_id, is_id, new_id, to_uuid
from app.models import Customer, Invoice
from app.queries import lists
from app.queries.base import get
from tests.laws import tried
from tests.shop import Shop

GARBAGE = [
    "garbage",
    "",
    "inv_",
    "inv_01h2xcejqtf2nbrexx3vqjhp4",
    "inv_zzzzzzzzzzzzzzzzzzzzzzzzzz",
    "INV_01h2xcejqtf2nbrexx3vqjhp41",
    "cus_01h2xcejqtf2nbrexx3vqjhp41",
    "inv_01h2xcejqtf2nbrexx3vqjhp41\x00",
    "inv_01h2xcejqtf2nbrexx3vqjhp41'; DROP TABLE invoices; --",
]


@tried(100)
@given(st.uuids())
def test_ids_are_those_of_the_library(value: UUID) -> None:
    made = str(TypeID.from_uuid(value, "inv"))  # type: ignore[arg-type]
    assert (as_id("inv", value), to_uuid("inv", made)) == (made, value)


@tried(100)
@given(st.text(st.sampled_from("inv_0123456789abcdefghijklmnopqrstuvwxyzILO "), max_size=40))
def test_what_the_library_takes_for_an_id_is_one(text: str) -> None:
    try:
        taken = TypeID.from_string(text).prefix == "inv"
    except TypeIDException:
        taken = False
    assert is_id("inv", text) == taken


@tried(100)
@given(st.uuids())
def test_an_id_is_the_uuid_it_was_made_of(value: object) -> None:
    assert to_uuid("inv", as_id("inv", value)) == value  # type: ignore[arg-type]


def test_later_ids_sort_after_earlier_ones() -> None:
    made = [new_id("inv") for _ in range(200)]
    assert made == sorted(made)
    assert len(set(made)) == 200


@pytest.mark.parametrize("text", GARBAGE)
def test_what_is_no_id_of_the_kind_is_found_nowhere(in_tenant: str, text: str) -> None:
    assert not is_id("inv", text)
    with pytest.raises(NotFound):
        get(Invoice, text)


def cursor(*keys: object) -> str:
    return urlsafe_b64encode(json.dumps(keys).encode()).decode()


FORGED = {
    "not base64": "%%%",
    "not JSON": urlsafe_b64encode(b"{").decode(),
    "too many keys": cursor("cus_01h2xcejqtf2nbrexx3vqjhp41", 2),
    "not an id": cursor("x"),
    "a number": cursor(1),
    "an object": cursor({"a": 1}),
    "an id of another kind": cursor("inv_01h2xcejqtf2nbrexx3vqjhp41"),
    "nothing": cursor(None),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_cursor_that_we_did_not_give_out_is_refused(in_tenant: str, forged: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        lists.customers({}, cursor=forged)


def test_pages_show_each_row_once_while_others_are_added(shop: Shop, at: datetime) -> None:
    made = [shop.customer(email=f"{n}@foxglove.example") for n in range(7)]
    seen, page = [], lists.customers({}, limit=3)
    while True:
        seen += [row.id for row in page.items]
        shop.customer(email=f"new{len(seen)}@foxglove.example")
        if page.next_cursor is None:
            break
        page = lists.customers({}, cursor=page.next_cursor, limit=3)
    assert seen == made[::-1]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "ÄÖ", "x" * 5000])
def test_a_search_takes_its_words_literally(shop: Shop, text: str) -> None:
    shop.customer()
    assert lists.customers({"q": text}).items == []


def test_a_search_finds_parts_of_names_whatever_their_letters(shop: Shop) -> None:
    customer_id = shop.customer(name="Foxglove % Farm")
    for text in ("GLOVE", "% f", customer_id):
        assert [row.id for row in lists.customers({"q": text}).items] == [customer_id]


def test_a_row_is_found_in_its_tenant_alone(shop: Shop) -> None:
    assert get(Customer, shop.customer()).name == "Foxglove Farm"
    with pytest.raises(BillingError):
        get(Customer, new_id("cus"))
