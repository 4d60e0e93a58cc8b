"""Test clocks over HTTP: set up, named by a customer, advanced, asked for until they are ready."""

from flask import Flask

from app.jobs import clocks
from tests.api.conftest import Api

NOW, LATER = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
ADA = {"name": "Ada", "email": "ada@ada.example"}


def test_a_clock_is_set_up_advanced_and_asked_for(api: Api, app: Flask) -> None:
    clock = api.post("/v1/test-clocks", {"name": "Spring", "now": NOW})
    assert (clock["now"], clock["status"]) == (NOW, "ready")
    customer = api.post("/v1/customers", {**ADA, "test_clock": clock["id"]})
    assert (customer["test_clock"], customer["created_at"]) == (clock["id"], NOW)
    path = f"/v1/test-clocks/{clock['id']}"
    moving = api.post(f"{path}/advance", {"to": LATER}, expect=202)
    assert (moving["status"], moving["now"], moving["target"]) == ("advancing", NOW, LATER)
    assert api.post(f"{path}/advance", {"to": LATER}, expect=409)["code"] == "clock_advancing"
    with app.app_context():
        clocks.advance_all()
    assert [api.get(path)[name] for name in ("status", "now")] == ["ready", LATER]
    backwards = api.post(f"{path}/advance", {"to": NOW}, expect=422)
    assert (backwards["code"], backwards["errors"][0]["field"]) == ("clock_backwards", "to")
    assert [row["id"] for row in api.get("/v1/test-clocks")["data"]] == [clock["id"]]
    fixed = api.patch(f"/v1/customers/{customer['id']}", {"test_clock": clock["id"]}, expect=422)
    assert fixed["code"] == "unknown_field"
