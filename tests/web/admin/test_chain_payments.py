"""Payments on a chain at the desk: what came in, late money, and refunds that the staff itself sends."""

from app.queries.deposits import deposits_of
from app.queries.refunds import refunds_of
from simulators.web3 import Web3Simulator
from simulators.wire import served
from tests.services.test_deposits import RAW, Chain
from tests.web.admin.desk import Desk, World, words

ADDRESS = "0x70997970c51812dc3a010c7d01b50e0d17dc79c9"


def test_the_staff_sends_a_refund_from_a_wallet_and_the_chain_confirms_it(desk: Desk, world: World) -> None:
    with served(Web3Simulator(block_seconds=0)) as simulator:
        with desk.inside():
            chain = Chain(world.shop, simulator)
            payment_id = (payment := chain.ask()).id
            chain.send(payment, RAW)
            chain.confirm()
        page = f"/admin/payments/{payment_id}"
        assert "On the chain 16.496351 USDC asked for" in words(desk.get(page))
        desk.does(f"{page}/refunds/new", {"amount": "22.60"})
        with desk.inside():
            [refund] = refunds_of([payment_id])
        payout = f"{page}/refunds/{refund.id}/payout"
        assert "The customer was asked by mail for an address of theirs" in words(desk.get(payout))
        assert "checksum" in desk.refused(payout, {"address": ADDRESS.replace("c5", "C5")})
        desk.does(payout, {"address": ADDRESS})
        assert "Refunds to send from a wallet 1" in words(desk.get("/admin/"))
        shown = desk.get(payout)
        assert ("<svg" in shown, "Send exactly 16.496351 USDC" in words(shown)) == (True, True)
        tx_hash = simulator.send(ADDRESS, RAW, "USDC", mine=3)
        desk.does(payout, {"tx_hash": tx_hash})
        assert "Refunded" in words(desk.get(page))
        assert "Refunds to send from a wallet" not in words(desk.get("/admin/"))
        desk.get(f"/admin/payments/{world.payment_id}/refunds/{refund.id}/payout", 404)


def test_late_money_is_credited_by_a_person(desk: Desk, world: World) -> None:
    with served(Web3Simulator(block_seconds=0)) as simulator:
        with desk.inside():
            chain = Chain(world.shop, simulator)
            payment_id = (payment := chain.ask()).id
            chain.let_time_pass(payment)
            chain.send(payment, RAW)
            chain.confirm()
            [deposit] = deposits_of(payment_id)
        page = f"/admin/payments/{payment_id}"
        assert "Credit at today" in words(desk.get(page))
        assert "Deposits to decide about 1" in words(desk.get("/admin/"))
        listed = words(desk.get("/admin/deposits/?state=to_decide"))
        assert "16.496351 USDC · Came too late" in listed
        assert "Credit it at today" in listed
        desk.post(f"{page}/deposits/{deposit.id}/credit", {})
        assert "Credited · $22.60" in words(desk.get(page))
        assert "16.496351 USDC" not in words(desk.get("/admin/deposits/?state=to_decide"))
        assert "16.496351 USDC · Credited" in words(desk.get("/admin/deposits/"))


def test_deposits_say_what_is_special_about_them(desk: Desk, world: World) -> None:
    with served(Web3Simulator(block_seconds=0)) as simulator, desk.inside():
        chain = Chain(world.shop, simulator)
        over, short, other = chain.ask(), chain.ask(), chain.ask()
        chain.send(over, RAW + 1_000_000)
        chain.send(short, RAW // 2)
        chain.send(other, 10**18, "DAI")
        chain.send(other, 7, "FAKE")
        chain.confirm()
        chain.let_time_pass(short)
    for state, said in {
        "over": "17.496351 USDC · More than was asked for",
        "short": "8.248175 USDC · Less than was asked for",
        "to_decide": "1 DAI · Another asset than asked for",
    }.items():
        assert said in words(desk.get(f"/admin/deposits/?state={state}")), state
    assert "An asset that you do not take" in words(desk.get("/admin/deposits/"))
    desk.get("/admin/deposits/?state=nonsense")
