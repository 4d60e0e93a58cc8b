"""Money that staff reserves first: shown with until when, and taken or given up with a press."""

from collections.abc import Iterator

import pytest

from app import clock
from app.services import payment_methods
from simulators.adyen import AdyenSimulator
from simulators.frame import Simulator
from tests.shop import invoices_of
from tests.simulated import connected, simulated
from tests.web.admin.desk import Desk, World, words


@pytest.fixture
def till(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with simulated(request.param) as simulator:
        yield simulator


def owed(desk: Desk, world: World, till: Simulator) -> str:
    """The address of an invoice whose customer has a card at the gateway."""
    with desk.inside():
        shop, account_id = world.shop, connected(till, clock.now(), "Till")
        customer_id = shop.customer(name="Hazel Hill", email="hazel@hill.example")
        token = till.leave(customer_id) if isinstance(till, AdyenSimulator) else "pm_card_visa"
        payment_methods.add(customer_id, account_id, token, clock.now())
        return f"/admin/invoices/{invoices_of(shop.sell(customer_id))[0].id}"


@pytest.mark.parametrize(
    ("till", "does", "said", "told", "taken"),
    [
        ("stripe", "capture", "Paid.", "Payment succeeded", 1),
        ("stripe", "voiding", "The payment was given up.", "Payment given up", 0),
        ("adyen", "capture", "takes the money, and tells later", "The gateway takes the money It has received", 1),
        ("adyen", "voiding", "lets the money go, and tells later", "The gateway lets the money go It has received", 0),
    ],
    indirect=["till"],
)
def test_reserved_money_is_taken_or_given_up(
    desk: Desk, world: World, till: Simulator, does: str, said: str, told: str, taken: int
) -> None:
    invoice = owed(desk, world, till)
    shown = desk.press(invoice, f"{invoice}/reservation")
    assert "reserved and not taken yet" in shown
    assert "Reserved, to be captured" in desk.get("/admin/")
    held = desk.get("/admin/payments/?status=authorized").split('"')
    address = next(link for link in held if "/payments/pay_" in link)
    page = words(desk.get(address))
    assert "Capture it before" in page
    assert "By hand" in page
    assert said in desk.does(f"{address}/{does}", action=f"{address}/{does}")
    assert len(till.taken()) == taken
    assert "Reserved, to be captured" not in desk.get("/admin/")
    assert told in words(desk.get(address))


def test_a_method_that_is_charged_at_once_is_not_offered_to_be_reserved(desk: Desk, world: World) -> None:
    with desk.inside():
        invoice = f"/admin/invoices/{world.shop.debt()}"
    assert "Reserve the money" not in desk.get(invoice)
