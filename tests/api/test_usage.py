"""Usage over HTTP: meters, events in and out, what they cost so far, and alerts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import func, select

from app.api.schemas.usage import NewUsageEvent, NewUsageEvents
from app.db import session, tenant_scope
from app.ids import new_id
from app.models import UsageEvent
from app.services.usage_events import NewEvent
from tests.api.conftest import Api, Shop
from tests.laws import tried

NOW = datetime.now(UTC).replace(microsecond=0)
START = (NOW - timedelta(days=1)).isoformat()
CALLS = {"name": "Calls", "aggregation": "sum", "property": "n"}


def instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Metered:
    """A subscription that is charged 0.05 for each call, by id."""

    meter: str
    plan: str
    subscription: str


@pytest.fixture
def metered(api: Api, shop: Shop) -> Metered:
    api.patch(f"/v1/customers/{shop.customer}", {"external_id": "crm-1"})
    meter = api.post("/v1/meters", CALLS)["id"]
    price = {"model": "standard", "unit_amount": "0.05"}
    plan = {"product": shop.product, "name": "Metered", "amount": "20.00", "currency": "CAD", "interval": "month"}
    charges = [
        {"name": "Calls", "kind": "usage", "price": price, "meter": meter},
        {"name": "Support", "kind": "recurring", "price": price},
    ]
    plan_id = api.post("/v1/plans", {**plan, "charges": charges})["id"]
    sold = api.post(
        "/v1/subscriptions", {"customer": shop.customer, "plan": plan_id, "collection": "manual", "start_at": START}
    )
    return Metered(meter, plan_id, sold["id"])


def event(transaction_id: str, n: Any = "1", **values: Any) -> dict[str, Any]:
    given = {"transaction_id": transaction_id, "customer": "crm-1", "meter": "calls", "at": instant(NOW)}
    return {**given, "properties": {"n": n}, **values}


def kept(app: Flask, tenant: str) -> int:
    with app.app_context(), tenant_scope(tenant):
        return session().scalar(select(func.count()).select_from(UsageEvent)) or 0


def test_a_meter_is_added_shown_changed_and_archived(api: Api) -> None:
    added = api.post("/v1/meters", {**CALLS, "late_policy": "correct", "metadata": {"team": "x"}})
    assert (added["code"], added["aggregation"], added["property"]) == ("calls", "sum", "n")
    assert added == api.get(f"/v1/meters/{added['id']}")
    path = f"/v1/meters/{added['id']}"
    changed = api.patch(path, {"name": "API calls", "late_policy": "refuse"})
    assert (changed["name"], changed["late_policy"], changed["metadata"]) == ("API calls", "refuse", {"team": "x"})
    assert api.patch(path, {"archived": True})["archived_at"] is not None
    assert api.get("/v1/meters")["data"] == []
    assert [meter["id"] for meter in api.get("/v1/meters?archived=true&q=api")["data"]] == [added["id"]]
    assert api.patch(path, {"archived": False})["archived_at"] is None
    assert api.post("/v1/meters", CALLS, expect=409)["code"] == "code_taken"


def test_a_meter_that_counts_needs_no_property_and_all_others_do(api: Api) -> None:
    assert api.post("/v1/meters", {"name": "Visits", "aggregation": "count"})["property"] is None
    for wrong in ({"aggregation": "count", "property": "n"}, {"aggregation": "max"}):
        refused = api.post("/v1/meters", {"name": "Wrong", **wrong}, expect=422)
        assert (refused["code"], refused["errors"][0]["field"]) == ("meter_property", "property")


def test_a_meter_that_is_paid_by_is_not_archived(api: Api, metered: Metered) -> None:
    assert api.patch(f"/v1/meters/{metered.meter}", {"archived": True}, expect=409)["code"] == "meter_in_use"


def test_a_plan_shows_its_charges_and_another_charge_is_another_version(api: Api, metered: Metered) -> None:
    plan = api.get(f"/v1/plans/{metered.plan}")
    shown = [(charge["name"], charge["kind"], charge["meter"]) for charge in plan["charges"]]
    assert shown == [("Calls", "usage", metered.meter), ("Support", "recurring", None)]
    renamed = api.patch(f"/v1/plans/{metered.plan}", {"name": "New"})
    assert (renamed["id"], len(renamed["charges"])) == (metered.plan, 2)
    dearer = api.patch(f"/v1/plans/{metered.plan}", {"amount": "25.00"})
    assert (dearer["version"], [charge["name"] for charge in dearer["charges"]]) == (2, ["Calls", "Support"])
    bare = api.patch(f"/v1/plans/{dearer['id']}", {"charges": []})
    assert (bare["version"], bare["charges"]) == (3, [])


def test_one_event_or_many_are_taken_and_repeats_are_counted(api: Api, metered: Metered) -> None:
    assert api.post("/v1/usage-events", event("t1")) == {"taken": 1, "duplicates": 0}
    batch = {"events": [event(f"t{i}") for i in range(1, 4)]}
    assert api.post("/v1/usage-events", batch) == {"taken": 2, "duplicates": 1}
    assert api.post("/v1/usage-events", batch) == {"taken": 0, "duplicates": 3}
    reused = api.post("/v1/usage-events", {"events": [event("t9"), event("t1", "2")]}, expect=409)
    assert (reused["code"], reused["errors"][0]["field"]) == ("transaction_id_reused", "events.1.transaction_id")


def test_an_idempotency_key_is_honoured_as_elsewhere(api: Api, metered: Metered) -> None:
    first = api("POST", "/v1/usage-events", event("t1"), expect=201, Idempotency_Key="k1")
    again = api("POST", "/v1/usage-events", event("t1"), expect=201, Idempotency_Key="k1")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert (
        api.post("/v1/usage-events", event("t2"), expect=409, Idempotency_Key="k1")["code"] == "idempotency_key_reused"
    )


def test_events_are_listed_by_customer_meter_and_time(api: Api, metered: Metered, shop: Shop) -> None:
    api.post("/v1/meters", {"name": "Visits", "aggregation": "count"})
    hours = [NOW - timedelta(hours=i) for i in range(4)]
    batch = [event(f"t{i}", at=instant(at)) for i, at in enumerate(hours)]
    api.post(
        "/v1/usage-events", {"events": [*batch, event("v1", meter="visits", properties={"page": "/", "ok": True})]}
    )
    mine = "/v1/usage-events?customer=crm-1"
    assert ids(api, f"{mine}&meter=calls") == ["t0", "t1", "t2", "t3"]
    assert ids(api, f"{mine}&meter=calls&limit=2") == ["t0", "t1", "t2", "t3"]
    assert sorted(ids(api, f"{mine}&limit=2")) == ["t0", "t1", "t2", "t3", "v1"]
    between = f"&since={instant(hours[2])}&before={instant(hours[0])}"
    assert ids(api, f"{mine}&meter=calls{between}") == ["t1", "t2"]
    assert ids(api, "/v1/usage-events?limit=3") == ["v1", "t3", "t2", "t1", "t0"]
    assert ids(api, "/v1/usage-events?customer=nobody") == ids(api, f"{mine}&meter=steps") == []
    [shown] = api.get("/v1/usage-events?transaction_id=v1")["data"]
    assert (shown["customer"], shown["meter"], shown["properties"]) == (
        shop.customer,
        "visits",
        {"page": "/", "ok": True},
    )
    refused = api.get("/v1/usage-events?meter=calls", expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("missing", "customer")


def ids(api: Api, path: str) -> list[str]:
    """The transaction ids of a list, walked to its end."""
    page = api.get(path)
    found = [shown["transaction_id"] for shown in page["data"]]
    return (
        found + ids(api, f"{path.partition('&cursor')[0]}&cursor={page['next_cursor']}")
        if page["next_cursor"]
        else found
    )


def test_the_usage_of_a_subscription_so_far_is_shown_with_its_price(api: Api, metered: Metered) -> None:
    path = f"/v1/subscriptions/{metered.subscription}/usage"
    [idle] = api.get(path)["charges"]
    assert (idle["quantity"], idle["amount"]) == ("0", "0.00")
    api.post("/v1/usage-events", {"events": [event("t1", "1000.5"), event("t2", 200)]})
    shown = api.get(path)
    [calls] = shown["charges"]
    assert (calls["name"], calls["meter"], calls["quantity"], calls["amount"]) == ("Calls", "calls", "1200.5", "60.03")
    assert (shown["currency"], calls["derivation"][-1]["amount"]) == ("CAD", "60.03")  # 1200.5 × 0.05 = 60.025


def test_an_alert_is_added_listed_and_removed(api: Api, metered: Metered, shop: Shop) -> None:
    added = api.post("/v1/usage-alerts", {"meter": metered.meter, "customer": shop.customer, "levels": ["1000", 800]})
    assert (added["levels"], added["customer"]) == (["800", "1000"], shop.customer)
    assert api.get(f"/v1/usage-alerts?meter={metered.meter}")["data"] == [added]
    assert api("DELETE", f"/v1/usage-alerts/{added['id']}", expect=204).data == b""
    assert api.get("/v1/usage-alerts")["data"] == []


@pytest.mark.parametrize("written", ["a0b42424242-4242-4242-8424-242a", "run4242424242424242", "4242424242424242x"])
def test_an_id_with_many_digits_is_no_card_number(api: Api, metered: Metered, written: str) -> None:
    assert api.post("/v1/usage-events", event(written))["taken"] == 1


@pytest.mark.parametrize("written", ["4242 4242 4242 4242", "no. 4242-4242-4242-4242.", "378282246310005"])
def test_a_card_number_is_refused_even_as_an_id(api: Api, metered: Metered, written: str) -> None:
    refused = api.post("/v1/usage-events", event(written), expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == ("card_number_refused", "transaction_id")


EVENT_FAULTS = [
    ({"transaction_id": ...}, "missing", "transaction_id"),
    ({"transaction_id": ""}, "too_short", "transaction_id"),
    ({"transaction_id": "x" * 256}, "too_long", "transaction_id"),
    ({"transaction_id": 7}, "invalid_type", "transaction_id"),
    ({"customer": "nobody"}, "unknown_customer", "customer"),
    ({"meter": "steps"}, "unknown_meter", "meter"),
    ({"at": ...}, "missing", "at"),
    ({"at": "2026-01-31T00:00:00"}, "invalid_instant", "at"),
    ({"at": instant(NOW + timedelta(days=2))}, "usage_in_future", "at"),
    ({"at": "1990-01-01T00:00:00Z"}, "usage_too_old", "at"),
    ({"at": "9999-12-31T23:59:59Z"}, "out_of_range", "at"),
    ({"properties": {}}, "property_missing", "properties.n"),
    ({"properties": {"n": 0.5}}, "float_refused", "properties.n"),
    ({"properties": {"n": True}}, "invalid_decimal", "properties.n"),
    ({"properties": {"n": {"a": 1}}}, "invalid_type", "properties.n"),
    ({"properties": {"n": "1", "note": "x" * 501}}, "too_long", "properties.note"),
    ({"properties": {f"p{i}": 1 for i in range(51)}}, "too_many", "properties"),
    ({"properties": [1]}, "invalid_type", "properties"),
    ({"quantity": 1}, "unknown_field", "quantity"),
]


@pytest.mark.parametrize("alone", [True, False])
def test_a_fault_of_an_event_is_named_where_it_stands_and_nothing_is_taken(
    app: Flask, tenant: str, api: Api, metered: Metered, subtests: pytest.Subtests, alone: bool
) -> None:
    for fault, code, field in EVENT_FAULTS:
        with subtests.test(fault=fault):
            wrong = {name: value for name, value in {**event("t2"), **fault}.items() if value is not ...}
            body = wrong if alone else {"events": [event("t1"), wrong]}
            refused = api.post("/v1/usage-events", body, expect=422)
            named = [found["field"] for found in refused["errors"]]
            assert (refused["code"], named) == (code, [field if alone else f"events.1.{field}"])
            assert kept(app, tenant) == 0


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"events": []}, "too_few", "events"),
        ({"events": [{}] * 1001}, "too_many", "events"),
        ({"events": {}}, "invalid_type", "events"),
        ({"events": [7]}, "invalid_type", "events.0"),
        ({"events": [], "customer": "crm-1"}, "invalid", "events"),
    ],
)
def test_a_batch_that_is_none_is_refused(api: Api, body: dict[str, Any], code: str, field: str) -> None:
    refused = api.post("/v1/usage-events", body, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)


texts = st.one_of(st.sampled_from(["", "x", "é", "x" * 101, "x" * 256, "x" * 501]), st.text(max_size=4))
ats = st.one_of(
    texts,
    st.just(7),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.from_regex(
        r"(1969|1999|2026|2200)-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6]0:00([.][0-9]{0,7})?(Z|z|[+-][0-9]{2}:30)?",
        fullmatch=True,
    ),
)
properties = st.dictionaries(texts, st.one_of(texts, st.integers(), st.booleans(), st.none(), st.just(0.5)), max_size=3)
events = st.fixed_dictionaries(
    {"transaction_id": texts, "customer": texts, "meter": texts, "at": ats},
    optional={"properties": properties, "quantity": st.just(1)},
)


@tried(100)
@given(batch=st.lists(events, min_size=1, max_size=2))
def test_events_that_are_read_at_once_are_what_each_is_by_itself(batch: list[dict[str, Any]]) -> None:
    """Also the refusals of a batch are those of its events."""
    try:
        taken = NewUsageEvents.model_validate({"events": batch}).taken
    except ValidationError:
        with pytest.raises(ValidationError):
            [NewUsageEvent.model_validate(one) for one in batch]
    else:
        columns = (taken.transaction_ids, taken.customers, taken.meters, taken.ats, taken.properties)
        assert list(map(NewEvent, *columns)) == [NewUsageEvent.model_validate(one).as_taken() for one in batch]


METER_FAULTS = [
    ("meters", {"name": "A", "aggregation": "median", "property": "n"}, "invalid_choice", "aggregation"),
    ("meters", {"name": "A", "aggregation": "sum", "property": ""}, "too_short", "property"),
    (
        "meters",
        {"name": "A", "aggregation": "sum", "property": "n", "late_policy": "x"},
        "invalid_choice",
        "late_policy",
    ),
    ("usage-alerts", {"levels": ["0"]}, "invalid_levels", "levels"),
    ("usage-alerts", {"levels": []}, "too_few", "levels"),
    ("usage-alerts", {"levels": [0.5]}, "float_refused", "levels.0"),
    ("usage-alerts", {"levels": ["1"], "customer": new_id("cus")}, "not_found", "customer"),
]


@pytest.mark.parametrize(("noun", "body", "code", "field"), METER_FAULTS)
def test_a_fault_of_a_meter_or_an_alert_is_named(
    api: Api, metered: Metered, noun: str, body: dict[str, Any], code: str, field: str
) -> None:
    named = {"meter": metered.meter} if noun == "usage-alerts" else {}
    refused = api.post(f"/v1/{noun}", {**named, **body}, expect=422)
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)


def test_what_a_meter_measures_cannot_be_changed(api: Api, metered: Metered) -> None:
    assert api.patch(f"/v1/meters/{metered.meter}", {"aggregation": "max"}, expect=422)["code"] == "unknown_field"


def test_another_tenants_customers_meters_and_events_do_not_exist(
    api: Api, other_api: Api, metered: Metered, shop: Shop
) -> None:
    api.post("/v1/usage-events", event("t1"))
    assert other_api.get("/v1/usage-events?transaction_id=t1")["data"] == []
    assert other_api.get(f"/v1/usage-events?customer={shop.customer}")["data"] == []
    other_api.post("/v1/meters", CALLS)
    stolen = other_api.post("/v1/usage-events", event("t1", customer=shop.customer), expect=422)
    assert stolen["code"] == "unknown_customer"
    other_api.get(f"/v1/subscriptions/{metered.subscription}/usage", expect=404)
