"""Pesapal: tokens, IPN addresses, orders, what payers do on their page, and refunds, for the calls Quittance makes.

The consumer key is `pesapal_simulator`, the secret `pesapal_simulator_secret`. Errors come with status 200 and another
one in the body, as Pesapal's do; an order's `id` is taken once for ever; a payment is refunded once, and mobile money
in whole only; what was refunded is reversed once `settle_refund` says so.
"""

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from simulators.books import Taken, new_ref
from simulators.calls import Answer, Call, Json, Refusal
from simulators.frame import Simulator, action, route
from simulators.pages import page, send_back
from simulators.post import Delivery, Event, Route
from simulators.shapes import Fields, Unacceptable, text, upto, word

CONSUMER_KEY, CONSUMER_SECRET = "pesapal_simulator", "pesapal_simulator_secret"
IPN_ID = "84740ab4-3cd9-47da-8a4f-dd1db53494b5"
TOKEN_SECONDS = 300

PAID: Mapping[str, str] = {"card": "Visa", "mpesa": "MpesaKE"}
CHOICES = {"card": "Pay by card", "mpesa": "Pay by M-Pesa", "fail": "Pay by a card that is declined"}
STATES = {"INVALID": 0, "CANCELLED": 0, "COMPLETED": 1, "FAILED": 2, "REVERSED": 3}
_TROUBLE = {"rate_limited": "rate_limit", "server_error": "api_error", "not_found": "not_found", "key_reused": "api"}


def amount(value: Any) -> Decimal:
    """An amount: a JSON number above zero with at most two decimals. It is read as text, so that nothing is lost."""
    found = Decimal(str(value))
    if isinstance(value, str | bool) or found <= 0 or found != round(found, 2):
        raise ValueError("not an amount")
    return found


def address(value: Any) -> str:
    """A web address."""
    if not text(value).startswith(("http://", "https://")):
        raise ValueError("not a web address")
    return str(value)


LOGIN = Fields({"consumer_key": upto(100), "consumer_secret": upto(100)})
IPN = Fields({"url": address, "ipn_notification_type": word("GET", "POST")})
_PAYER = Fields(
    {},
    {
        "email_address": upto(200),
        "phone_number": upto(20),
        "country_code": upto(2),
        "first_name": upto(50),
        "last_name": upto(50),
    },
)
ORDER = Fields(
    {
        "id": upto(50),
        "currency": upto(3),
        "amount": amount,
        "description": upto(100),
        "callback_url": address,
        "notification_id": upto(50),
        "billing_address": _PAYER,
    },
    {"cancellation_url": address, "redirect_mode": word("TOP_WINDOW", "PARENT_WINDOW"), "branch": upto(50)},
)
REFUND = Fields({"confirmation_code": upto(50), "amount": amount, "username": upto(100), "remarks": upto(250)})
CANCEL = Fields({"order_tracking_id": upto(50)})


class PesapalSimulator(Simulator):
    """One merchant."""

    name = "pesapal"

    def account(self) -> dict[str, str]:
        keys = {"consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET}
        return keys | {"ipn_id": IPN_ID, "base_url": self.url}

    def authenticate(self, call: Call) -> None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.books.tables["tokens"].get(token, {"until": 0})["until"] < time.time():
            raise Refusal(401, _error("invalid_token", f"The token {token} is not known.", 401))

    def idempotency_key(self, call: Call) -> str | None:
        return None

    def trouble(self, status: int, code: str) -> Refusal:
        return Refusal(status, _error(_TROUBLE[code], code.replace("_", " "), status))

    def sign(self, event: Event, route: Route) -> Delivery:
        return self.unsigned(event)

    @staticmethod
    def unsigned(event: Event) -> Delivery:
        """A delivery as Pesapal's are: nothing vouches for it."""
        return Delivery({"Content-Type": "application/json"}, json.dumps(event.body).encode())

    def taken(self) -> list[Taken]:
        return [
            Taken(
                order["id"],
                order["tracking_id"],
                int(Decimal(order["amount"]) * 100),
                order["currency"],
                order["state"],
                int(Decimal(order["refunded"]) * 100),
            )
            for order in self.books.tables["orders"].values()
            if order["state"] in ("COMPLETED", "REVERSED")
        ]

    @route("POST", "/api/Auth/RequestToken", public=True)
    def request_token(self, call: Call) -> Answer:
        given = self._wish(call, LOGIN)
        if (given["consumer_key"], given["consumer_secret"]) != (CONSUMER_KEY, CONSUMER_SECRET):
            said = f"No such pair: {given['consumer_key']}, {given['consumer_secret']}"
            raise Refusal(200, {"token": None} | _error("invalid_consumer_key_or_secret_provided", said, 500))
        token = new_ref("ey")
        self.books.put("tokens", {"id": token, "until": time.time() + TOKEN_SECONDS})
        return Answer(
            {"token": token, "expiryDate": "", "error": None, "status": "200", "message": "Request processed"}
        )

    @route("POST", "/api/URLSetup/RegisterIPN")
    def register_ipn(self, call: Call) -> Answer:
        ipn = self._wish(call, IPN) | {"id": new_ref()}
        self.books.put("ipns", ipn)
        return Answer({"url": ipn["url"], "ipn_id": ipn["id"], "error": None, "status": "200"})

    @route("GET", "/api/URLSetup/GetIpnList")
    def list_ipns(self, call: Call) -> Answer:
        return Answer([{"url": row["url"], "ipn_id": row["id"]} for row in self.books.rows("ipns")])

    @route("POST", "/api/Transactions/SubmitOrderRequest")
    def submit_order(self, call: Call) -> Answer:
        wish = self._wish(call, ORDER)
        if wish["notification_id"] not in (IPN_ID, *self.books.tables["ipns"]):
            raise Refusal(200, _error("invalid_notification_id", "No such IPN.", 400))
        if wish["id"] in self.books.tables["orders"]:
            raise Refusal(200, _error("duplicate_order_id", "The merchant reference must be unique.", 400))
        kept = {name: wish[name] for name in ("id", "currency", "callback_url")}
        kept |= {"amount": str(wish["amount"]), "refunded": "0", "state": "INVALID", "tracking_id": new_ref()}
        order = self.books.put("orders", kept)
        told = {"order_tracking_id": order["tracking_id"], "merchant_reference": order["id"]}
        told |= {"redirect_url": f"{self.url}/pesapaliframe/{order['tracking_id']}", "error": None, "status": "200"}
        return Answer(told)

    @route("GET", "/api/Transactions/GetTransactionStatus")
    def get_status(self, call: Call) -> Answer:
        order = self._order(call.asked.get("orderTrackingId", ""))
        no_error = {"error_type": None, "code": None, "message": None}
        paid = order["state"] in ("COMPLETED", "REVERSED")
        return Answer(
            {
                "payment_method": PAID.get(order.get("paid_by", ""), ""),
                "amount": float(order["amount"]),
                "created_date": "",
                "confirmation_code": _code(order) if paid else "",
                "payment_status_description": order["state"].capitalize(),
                "description": "" if paid else "Unable to Authorize Transaction",
                "status_code": STATES[order["state"]],
                "merchant_reference": order["id"],
                "currency": order["currency"],
                "error": no_error,
                "status": "200",
            }
        )

    @route("POST", "/api/Transactions/RefundRequest")
    def refund(self, call: Call) -> Answer:
        wish = self._wish(call, REFUND)
        orders = self.books.rows("orders", state="COMPLETED")
        order = next((row for row in orders if _code(row) == wish["confirmation_code"]), None)
        whole = order and Decimal(order["amount"]) == wish["amount"]
        may = order and not Decimal(order["refunded"]) and (whole or order["paid_by"] == "card")
        if not order or not may or wish["amount"] > Decimal(order["amount"]):
            return Answer({"status": "500", "message": "Refund request was rejected."})
        order["refunded"] = str(wish["amount"])
        return Answer({"status": "200", "message": "Refund request successfully received."})

    @route("POST", "/api/Transactions/CancelOrder")
    def cancel(self, call: Call) -> Answer:
        order = self._order(self._wish(call, CANCEL)["order_tracking_id"])
        if order["state"] not in ("INVALID", "FAILED"):
            return Answer({"status": "500", "message": "Order cannot be cancelled."})
        order["state"] = "CANCELLED"
        return Answer({"status": "200", "message": "Order successfully cancelled."})

    @route("GET", "/pesapaliframe/{id}", public=True)
    def show_order(self, call: Call) -> Answer:
        order = self._order(call.parts["id"])
        choices = CHOICES if order["state"] in ("INVALID", "FAILED") else {}
        return page("Pesapal", f"{order['amount']} {order['currency']}, {order['state'].lower()}", choices)

    @route("POST", "/pesapaliframe/{id}", public=True)
    def answer_order(self, call: Call) -> Answer:
        order, choice = self._order(call.parts["id"]), call.form.get("choice", "")
        if order["state"] in ("INVALID", "FAILED"):
            order |= {"state": "COMPLETED" if choice in PAID else "FAILED", "paid_by": choice}
            self._tell(order)
        back, query = order["callback_url"], urlencode(self._ipn(order, "CALLBACKURL"))
        return send_back(f"{back}{'&' if '?' in back else '?'}{query}")

    @action
    def settle_refund(self, ref: str) -> None:
        """A person at Pesapal approves a refund; `ref` is the payment's tracking id or confirmation code."""
        order = next(row for row in self.books.rows("orders") if ref in (row["tracking_id"], _code(row)))
        order["state"] = "REVERSED"
        self._tell(order)

    def _order(self, tracking_id: str) -> Json:
        found = self.books.rows("orders", tracking_id=tracking_id)
        if not found:
            raise Refusal(200, _error("order_not_found", "Pending Payment", 404))
        return found[0]

    def _tell(self, order: Json) -> None:
        self.announce(Event(new_ref(), "IPNCHANGE", self._ipn(order, "IPNCHANGE")))

    @staticmethod
    def _ipn(order: Json, kind: str) -> Json:
        told = {"OrderNotificationType": kind, "OrderTrackingId": order["tracking_id"]}
        return told | {"OrderMerchantReference": order["id"]}

    def _wish(self, call: Call, fields: Fields) -> dict[str, Any]:
        """What the request asks for, checked; numbers are read as they were written."""
        try:
            return fields.cleaned(json.loads(call.body, parse_float=Decimal))
        except (Unacceptable, ValueError) as fault:
            raise Refusal(200, _error("invalid_request", str(fault), 400)) from None


def _code(order: Json) -> str:
    return f"C{order['tracking_id'][:10]}"


def _error(code: str, message: str, status: int) -> Json:
    """Pesapal's error document."""
    return {"error": {"error_type": "api_error", "code": code, "message": message}, "status": str(status)}
