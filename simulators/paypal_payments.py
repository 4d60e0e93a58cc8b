"""PayPal, where the money is: orders, their captures and authorizations, refunds and disputes."""

import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from simulators import paypal_fields
from simulators.books import Taken
from simulators.calls import Answer, Call, Json
from simulators.frame import action, route
from simulators.paypal_base import DAY, PaypalBase, instant, new_id, now, refusal, stamp, unprocessable
from simulators.shapes import Unacceptable

WHOLE_UNITS = ("HUF", "JPY", "TWD")
FEE_RATE, FEE_FIXED = Decimal("0.029"), Decimal("0.30")
EVIDENCE_DAYS = 10
OLDEST_DISPUTE_DAYS, MOST_DISPUTES = 180, 50
LISTED_OF_DISPUTES = (
    *("dispute_id", "create_time", "update_time", "reason", "status", "dispute_amount"),
    *("dispute_life_cycle_stage", "seller_response_due_date"),
)
DISPUTE_ID = "PP-D-"
# What is in the vault from the beginning, by what it does; `decline-CODE` and `issue-CODE` besides.
WALLETS = ("wallet-ok", "echeck", "slow-refund", "venmo-ok", "visa")


class PaypalPayments(PaypalBase):
    """Orders and what comes of them."""

    def taken(self) -> list[Taken]:
        return [
            Taken(
                told.get("custom_id", ""),
                told["id"],
                _units(told["amount"]),
                told["amount"]["currency_code"],
                told["status"],
                sum(_units(refund["amount"]) for refund in self._refunds_that_count(told["id"])),
            )
            for table in ("captures", "authorizations")
            for told in self.books.tables[table].values()
            if told["status"] in ("COMPLETED", "PENDING", "PARTIALLY_REFUNDED", "REFUNDED", "CREATED")
        ]

    @route("POST", "/v2/checkout/orders")
    def create_order(self, call: Call) -> Answer:
        wish = self.wish(call, paypal_fields.ORDER)
        for unit in wish["purchase_units"]:
            check_amount(unit["amount"])
        ref = new_id()
        wallet = wish.get("payment_source", {}).get("paypal")
        order: Json = {
            "id": ref,
            "intent": wish["intent"],
            "status": "PAYER_ACTION_REQUIRED" if wallet else "CREATED",
            "purchase_units": [{"reference_id": "default", **unit} for unit in wish["purchase_units"]],
            "create_time": now(),
            "links": [self.link(f"/v2/checkout/orders/{ref}", "self")],
        }
        order["links"].append(self.link(f"/checkoutnow/{ref}", "payer-action" if wallet else "approve"))
        if wallet:
            self.books.put("wallets", {"id": ref, **wallet})
            order["payment_source"] = {"paypal": {}}
        return Answer(self.books.put("orders", order), 200 if wallet else 201)

    @route("GET", "/v2/checkout/orders/{id}")
    def get_order(self, call: Call) -> Answer:
        return Answer(self.row("orders", call.parts["id"]))

    @route("PATCH", "/v2/checkout/orders/{id}")
    def patch_order(self, call: Call) -> Answer:
        order = self.row("orders", call.parts["id"])
        try:
            patches = paypal_fields.PATCHES.cleaned({"patches": call.json})["patches"]
        except (Unacceptable, ValueError):
            raise unprocessable("INVALID_PATCH_OPERATION") from None
        if order["status"] == "COMPLETED":
            raise unprocessable("ORDER_ALREADY_COMPLETED")
        for patch in patches:
            order["purchase_units"][0]["custom_id"] = patch["value"]
        return Answer("", 204)

    @route("POST", "/v2/checkout/orders/{id}/capture")
    def capture_order(self, call: Call) -> Answer:
        return self._take(call, "CAPTURE")

    @route("POST", "/v2/checkout/orders/{id}/authorize")
    def authorize_order(self, call: Call) -> Answer:
        return self._take(call, "AUTHORIZE")

    @route("GET", "/v2/payments/authorizations/{id}")
    def get_authorization(self, call: Call) -> Answer:
        return Answer(self.row("authorizations", call.parts["id"]))

    @route("POST", "/v2/payments/authorizations/{id}/capture")
    def capture_authorization(self, call: Call) -> Answer:
        wish, held = self.wish(call, paypal_fields.CAPTURE), self.row("authorizations", call.parts["id"])
        if held["status"] != "CREATED":
            raise unprocessable(f"AUTHORIZATION_ALREADY_{held['status']}")
        part = wish.get("amount", held["amount"])
        check_amount(part)
        if part["currency_code"] != held["amount"]["currency_code"] or _units(part) > _units(held["amount"]):
            raise unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED")
        held["status"] = "CAPTURED"
        order = self.row("orders", held["supplementary_data"]["related_ids"]["order_id"])
        return Answer(self.settle_capture(order, {"vault_id": "wallet-ok"}, part=part), 201)

    @route("POST", "/v2/payments/authorizations/{id}/void")
    def void_authorization(self, call: Call) -> Answer:
        held = self.row("authorizations", call.parts["id"])
        if held["status"] != "CREATED":
            raise unprocessable("PREVIOUSLY_VOIDED" if held["status"] == "VOIDED" else "CANNOT_BE_VOIDED")
        held["status"] = "VOIDED"
        self.tell("PAYMENT.AUTHORIZATION.VOIDED", "authorization", held)
        return Answer("", 204)

    @route("GET", "/v2/payments/captures/{id}")
    def get_capture(self, call: Call) -> Answer:
        return Answer(self.row("captures", call.parts["id"]))

    @route("POST", "/v2/payments/captures/{id}/refund")
    def refund_capture(self, call: Call) -> Answer:
        wish, capture = self.wish(call, paypal_fields.REFUND), self.row("captures", call.parts["id"])
        amount = wish.get("amount", capture["amount"])
        check_amount(amount)
        left = _units(capture["amount"]) - sum(
            _units(told["amount"]) for told in self._refunds_that_count(capture["id"])
        )
        if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
            raise unprocessable("PENDING_CAPTURE")
        if not left:
            raise unprocessable("CAPTURE_FULLY_REFUNDED")
        if _units(amount) > left:
            raise unprocessable("REFUND_AMOUNT_EXCEEDED")
        return Answer(self._new_refund(capture, amount, wish), 201)

    @route("GET", "/v2/payments/refunds/{id}")
    def get_refund(self, call: Call) -> Answer:
        return Answer(self.row("refunds", call.parts["id"]))

    @route("GET", "/v1/customer/disputes")
    def list_disputes(self, call: Call) -> Answer:
        first, token = instant(call.asked["update_time_after"]), int(call.asked.get("next_page_token") or 0)
        size = int(call.asked.get("page_size", 10))
        if time.time() - first > OLDEST_DISPUTE_DAYS * DAY or not 1 <= size <= MOST_DISPUTES:
            raise refusal(400, "INVALID_REQUEST", "INVALID_PARAMETER_VALUE", "update_time_after")
        found = [row for row in self.books.tables["disputes"].values() if instant(row["update_time"]) >= first][::-1]
        shown = [{name: row[name] for name in LISTED_OF_DISPUTES if name in row} for row in found[token : token + size]]
        links = [self.link(f"/v1/customer/disputes?{call.query}", "self")]
        if token + size < len(found):
            query = urlencode(call.asked | {"next_page_token": str(token + size)})
            links.append(self.link(f"/v1/customer/disputes?{query}", "next"))
        return Answer({"links": links} | ({"items": shown} if shown else {}))

    @route("GET", "/v1/customer/disputes/{id}")
    def get_dispute(self, call: Call) -> Answer:
        return Answer(self.row("disputes", call.parts["id"]))

    @action
    def settle(self, ref: str, succeeds: bool = True) -> None:
        """A bank transfer behind a pending capture arrives, or comes back."""
        capture = self.row("captures", ref)
        self._become(capture, "COMPLETED" if succeeds else "DECLINED")

    @action
    def settle_refund(self, ref: str, succeeds: bool = True) -> None:
        """A refund arrives, or comes back."""
        refund = self.row("refunds", ref)
        refund |= {"status": "COMPLETED" if succeeds else "FAILED", "update_time": now()}
        self._show_refunds(self.row("captures", refund["links"][1]["href"].rpartition("/")[2]))
        self.tell(f"PAYMENT.{'CAPTURE.REFUNDED' if succeeds else 'REFUND.FAILED'}", "refund", refund)

    @action
    def dispute(self, ref: str, reason: str = "UNAUTHORISED") -> str:
        """The payer opens a case about a payment; gives the dispute's id."""
        capture = self.row("captures", ref)
        case: Json = {
            "id": DISPUTE_ID + new_id(8),
            "create_time": now(),
            "update_time": now(),
            "disputed_transactions": [{"seller_transaction_id": ref, "gross_amount": capture["amount"]}],
            "reason": reason,
            "status": "WAITING_FOR_SELLER_RESPONSE",
            "dispute_amount": capture["amount"],
            "dispute_life_cycle_stage": "CHARGEBACK",
            "seller_response_due_date": stamp(time.time() + EVIDENCE_DAYS * DAY),
        }
        case["dispute_id"] = case["id"]
        self.books.put("disputes", case)
        del case["id"]
        self.tell("CUSTOMER.DISPUTE.CREATED", "dispute", case)
        return str(case["dispute_id"])

    @action
    def resolve_dispute(self, ref: str, outcome: str = "RESOLVED_SELLER_FAVOUR") -> None:
        """PayPal decides a case."""
        case = self.row("disputes", ref)
        case |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}, "update_time": now()}
        self.tell("CUSTOMER.DISPUTE.RESOLVED", "dispute", case)

    def settle_capture(self, order: Json, source: Json, code: str = "0000", part: Json | None = None) -> Json:
        """Take an order's money, or a part of what it has authorized, or not: `code` is the card processor's answer."""
        order["status"] = "COMPLETED"
        capture = self._new_capture(order, "captures", "capture", part)
        if "card" in order.get("payment_source", {}):
            capture["processor_response"] = {"response_code": code, "cvv_code": "M", "avs_code": "Y"}
        self.books.put("sources", {"id": capture["id"], **source})
        status = "PENDING" if source.get("vault_id") == "echeck" else "COMPLETED"
        self._become(capture, status if code == "0000" else "DECLINED")
        return capture

    def _take(self, call: Call, intent: str) -> Answer:
        wish, order = self.wish(call, paypal_fields.TAKE), self.row("orders", call.parts["id"])
        if order["status"] == "COMPLETED":
            raise unprocessable("ORDER_ALREADY_CAPTURED" if intent == "CAPTURE" else "ORDER_ALREADY_AUTHORIZED")
        if order["intent"] != intent:
            raise unprocessable("ACTION_DOES_NOT_MATCH_INTENT")
        self._check_invoice(order)
        source = self._source(order, wish.get("payment_source"), call)
        code = source["vault_id"].removeprefix("decline-") if source["vault_id"].startswith("decline-") else "0000"
        if call.decline:
            code = call.decline
        if intent == "CAPTURE":
            self.settle_capture(order, source, code)
        else:
            order["status"] = "COMPLETED"
            held = self._new_capture(order, "authorizations", "authorization")
            held["status"] = "CREATED"
            self.tell("PAYMENT.AUTHORIZATION.CREATED", "authorization", held)
        return Answer(order, 201)

    def _source(self, order: Json, given: Json | None, call: Call) -> Json:
        """What pays: something kept, or what the payer approved. Raises Refusal for what cannot."""
        if given is None:
            if order["status"] != "APPROVED":
                raise unprocessable("ORDER_NOT_APPROVED")
            return {"vault_id": self.books.tables["wallets"][order["id"]].get("chosen", "wallet-ok")}
        [(kind, source)] = given.items()
        name = source["vault_id"]
        kept = self.books.tables["payment_tokens"].get(name)
        if name.startswith("issue-"):
            raise unprocessable(name.removeprefix("issue-"))
        if not kept and name not in WALLETS and not name.startswith("decline-"):
            raise unprocessable("TOKEN_ID_NOT_FOUND")
        order["payment_source"] = {kind: {"last_digits": "4242", "brand": "VISA"} if kind == "card" else {}}
        return dict(source)

    def _check_invoice(self, order: Json) -> None:
        """An account that blocks accidental payments takes each invoice id once."""
        invoice = order["purchase_units"][0].get("invoice_id")
        if invoice and any(row["status"] != "DECLINED" for row in self.books.rows("captures", invoice_id=invoice)):
            raise unprocessable("DUPLICATE_INVOICE_ID")

    def _new_capture(self, order: Json, table: str, kind: str, part: Json | None = None) -> Json:
        unit, ref = order["purchase_units"][0], new_id()
        row: Json = {
            "id": ref,
            "amount": part or unit["amount"],
            "create_time": now(),
            "update_time": now(),
            "supplementary_data": {"related_ids": {"order_id": order["id"]}},
            "links": [self.link(f"/v2/payments/{kind}s/{ref}", "self")],
            **{name: unit[name] for name in ("custom_id", "invoice_id") if name in unit},
        }
        if kind == "capture":
            row["final_capture"] = True
        unit.setdefault("payments", {}).setdefault(table, []).append(row)
        return self.books.put(table, row)

    def _become(self, capture: Json, status: str) -> None:
        capture |= {"status": status, "update_time": now()}
        capture.pop("status_details", None)
        if status == "PENDING":
            capture["status_details"] = {"reason": "ECHECK"}
        if status == "COMPLETED":
            gross = Decimal(capture["amount"]["value"])
            places = 0 if capture["amount"]["currency_code"] in WHOLE_UNITS else 2
            fee = round(gross * FEE_RATE + FEE_FIXED, places)
            capture["seller_receivable_breakdown"] = {
                "gross_amount": capture["amount"],
                "paypal_fee": capture["amount"] | {"value": f"{fee:f}"},
                "net_amount": capture["amount"] | {"value": f"{gross - fee:f}"},
            }
        self.tell(f"PAYMENT.CAPTURE.{'DENIED' if status == 'DECLINED' else status}", "capture", capture)

    def _new_refund(self, capture: Json, amount: Json, wish: dict[str, Any]) -> Json:
        ref, path = new_id(), f"/v2/payments/captures/{capture['id']}"
        slow = self.books.tables["sources"][capture["id"]].get("vault_id") == "slow-refund"
        refund: Json = {
            "id": ref,
            "amount": amount,
            "status": "PENDING" if slow else "COMPLETED",
            "create_time": now(),
            "update_time": now(),
            "links": [self.link(f"/v2/payments/refunds/{ref}", "self"), self.link(path, "up")],
            **{name: wish[name] for name in ("custom_id", "invoice_id", "note_to_payer") if name in wish},
        }
        if slow:
            refund["status_details"] = {"reason": "ECHECK"}
        order = self.row("orders", capture["supplementary_data"]["related_ids"]["order_id"])
        order["purchase_units"][0]["payments"].setdefault("refunds", []).append(refund)
        self.books.put("refunds", refund)
        self._show_refunds(capture)
        self.tell(f"PAYMENT.{'REFUND.PENDING' if slow else 'CAPTURE.REFUNDED'}", "refund", refund)
        return refund

    def _show_refunds(self, capture: Json) -> None:
        gone = sum(_units(refund["amount"]) for refund in self._refunds_that_count(capture["id"]))
        whole = "REFUNDED" if gone == _units(capture["amount"]) else "PARTIALLY_REFUNDED"
        capture["status"] = whole if gone else "COMPLETED"

    def _refunds_that_count(self, capture_id: str) -> list[Json]:
        rows = self.books.rows("refunds")
        of_capture = [row for row in rows if row["links"][1]["href"].endswith(f"/{capture_id}")]
        return [row for row in of_capture if row["status"] in ("PENDING", "COMPLETED")]


def check_amount(amount: Json) -> None:
    """Raises Refusal for an amount that PayPal does not take."""
    decimals = len(amount["value"].partition(".")[2])
    if amount["currency_code"] in WHOLE_UNITS and decimals:
        raise unprocessable("DECIMALS_NOT_SUPPORTED")
    if amount["currency_code"] not in WHOLE_UNITS and decimals != 2:
        raise unprocessable("DECIMAL_PRECISION")
    if not Decimal(amount["value"]):
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")


def _units(amount: Json) -> int:
    return int(Decimal(amount["value"]).scaleb(0 if amount["currency_code"] in WHOLE_UNITS else 2))
