"""PayPal: orders, captures, refunds, the vault, disputes and the transaction list, for the calls that Quittance makes.

Client ID `paypal_simulator`, secret `paypal_simulator_secret`. In the vault from the beginning are `wallet-ok`,
`echeck` (pending), `slow-refund`, `venmo-ok` and `visa`; `decline-5120` is declined with any processor's code,
`issue-INSTRUMENT_DECLINED` refused with any issue of PayPal's.
"""

from typing import Any
from urllib.parse import urlencode

from simulators import paypal_fields
from simulators.calls import Answer, Call, Json
from simulators.frame import action, route
from simulators.pages import page, send_back
from simulators.paypal_base import DAY, instant, new_id, now, refusal, stamp, unprocessable
from simulators.paypal_payments import PaypalPayments

LONGEST_SPAN = 31 * DAY
PAYING = {"approve": "Pay with PayPal", "decline": "Pay by a card that is declined", "cancel": "Cancel and return"}
KEEPING = {"approve": "Agree and continue", "cancel": "Cancel and return"}


class PaypalSimulator(PaypalPayments):
    """All of PayPal that there is here."""

    @route("POST", "/v3/vault/setup-tokens")
    def create_setup_token(self, call: Call) -> Answer:
        wish = self.wish(call, paypal_fields.SETUP)
        setup = self._new_setup("PAYER_ACTION_REQUIRED", wish.get("customer", {}).get("merchant_customer_id", ""))
        self.books.put("setup_wishes", {"id": setup["id"], "experience": wish["payment_source"]["paypal"]})
        return Answer(setup, 201)

    @route("GET", "/v3/vault/setup-tokens/{id}")
    def get_setup_token(self, call: Call) -> Answer:
        return Answer(self.row("setup_tokens", call.parts["id"]))

    @route("POST", "/v3/vault/payment-tokens")
    def create_payment_token(self, call: Call) -> Answer:
        setup = self.row("setup_tokens", self.wish(call, paypal_fields.KEEP)["payment_source"]["token"]["id"])
        if setup["id"].startswith("issue-"):
            raise unprocessable(setup["id"].removeprefix("issue-"))
        if setup["status"] != "APPROVED":
            raise unprocessable("TOKEN_NOT_APPROVED")
        return Answer(self._keep(setup["payment_source"], setup["customer"]), 201)

    @route("GET", "/v3/vault/payment-tokens/{id}")
    def get_payment_token(self, call: Call) -> Answer:
        return Answer(self.row("payment_tokens", call.parts["id"]))

    @route("DELETE", "/v3/vault/payment-tokens/{id}")
    def delete_payment_token(self, call: Call) -> Answer:
        self.revoke(self.row("payment_tokens", call.parts["id"])["id"])
        return Answer("", 204)

    @route("GET", "/v1/reporting/transactions")
    def search_transactions(self, call: Call) -> Answer:
        wish = call.asked
        first, last = instant(wish["start_date"]), instant(wish["end_date"])
        if last - first > LONGEST_SPAN:
            raise refusal(400, "INVALID_REQUEST", "INVALID_DATE_RANGE", "end_date")
        size, number = int(wish.get("page_size", 100)), int(wish.get("page", 1))
        rows = [row for row in self._movements() if first <= instant(row["transaction_initiation_date"]) <= last]
        pages = max(1, -(-len(rows) // size))
        shown = [{"transaction_info": row} for row in rows[(number - 1) * size : number * size]]
        span = {"start_date": stamp(first), "end_date": stamp(last)}
        return Answer(
            span | {"transaction_details": shown, "page": number, "total_items": len(rows), "total_pages": pages}
        )

    @route("GET", "/checkoutnow/{id}", public=True)
    def show_order(self, call: Call) -> Answer:
        order = self.row("orders", call.parts["id"])
        if order["status"] != "PAYER_ACTION_REQUIRED":
            return page("PayPal", "There is nothing to pay here any more.", {})
        amount = order["purchase_units"][0]["amount"]
        return page("PayPal", f"{amount['value']} {amount['currency_code']}", PAYING)

    @route("POST", "/checkoutnow/{id}", public=True)
    def answer_order(self, call: Call) -> Answer:
        order, choice = self.row("orders", call.parts["id"]), call.form.get("choice", "")
        wallet = self.books.tables["wallets"][order["id"]]
        context = wallet["experience_context"]
        if choice == "cancel":
            return send_back(_with(context["cancel_url"], token=order["id"]))
        if order["status"] == "PAYER_ACTION_REQUIRED":
            order["status"] = "APPROVED"
            wallet["chosen"] = "wallet-ok" if choice == "approve" else "decline-5120"
            self._keep_if_asked(order, wallet)
            self.tell("CHECKOUT.ORDER.APPROVED", "checkout-order", order)
        return send_back(_with(context["return_url"], token=order["id"], PayerID="PAYER1"))

    @route("GET", "/agreements/approve/{id}", public=True)
    def show_setup(self, call: Call) -> Answer:
        self.row("setup_tokens", call.parts["id"])
        return page("PayPal", "Allow later payments from your wallet.", KEEPING)

    @route("POST", "/agreements/approve/{id}", public=True)
    def answer_setup(self, call: Call) -> Answer:
        setup = self.row("setup_tokens", call.parts["id"])
        context = self.books.tables["setup_wishes"][setup["id"]]["experience"]["experience_context"]
        if call.form.get("choice") != "approve":
            return send_back(_with(context["cancel_url"], approval_token_id=setup["id"]))
        setup["status"] = "APPROVED"
        return send_back(_with(context["return_url"], approval_token_id=setup["id"]))

    @action
    def leave(self, customer: str, kind: str = "paypal", name: str = "") -> str:
        """A payer leaves a card, a wallet or a Venmo account by a form of PayPal's; gives the setup token."""
        setup = self._new_setup("APPROVED", customer, kind, name)
        return str(setup["id"])

    @action
    def revoke(self, ref: str) -> None:
        """The payer takes back their permission at PayPal."""
        kept = self.row("payment_tokens", ref)
        del self.books.tables["payment_tokens"][ref]
        self.tell("VAULT.PAYMENT-TOKEN.DELETED", "payment_token", kept)

    @action
    def pay_out(self, value: str, currency: str = "CAD") -> str:
        """The seller takes money out to their bank; gives the transaction's id."""
        row = {"id": new_id(), "amount": {"currency_code": currency, "value": value}, "create_time": now()}
        return str(self.books.put("payouts", row)["id"])

    def _new_setup(self, status: str, customer: str, kind: str = "paypal", name: str = "") -> Json:
        ref = name or new_id()
        card = {"brand": "VISA", "last_digits": "4242", "expiry": "2034-12"}
        setup: Json = {
            "id": ref,
            "status": status,
            "customer": {"id": new_id(10), "merchant_customer_id": customer},
            "payment_source": {kind: card if kind == "card" else {}},
            "links": [
                self.link(f"/v3/vault/setup-tokens/{ref}", "self"),
                self.link(f"/agreements/approve/{ref}", "approve"),
            ],
        }
        return self.books.put("setup_tokens", setup)

    def _keep(self, source: Json, customer: Json) -> Json:
        ref = new_id(12).lower()
        kept = {"id": ref, "customer": customer, "payment_source": source}
        kept["links"] = [self.link(f"/v3/vault/payment-tokens/{ref}", "self")]
        self.tell("VAULT.PAYMENT-TOKEN.CREATED", "payment_token", self.books.put("payment_tokens", kept))
        return kept

    def _keep_if_asked(self, order: Json, wallet: Json) -> None:
        if "vault" not in wallet.get("attributes", {}):
            return
        kept = self._keep({"paypal": {}}, {"id": new_id(10)})
        vault = {"id": kept["id"], "status": "VAULTED", "customer": kept["customer"]}
        order["payment_source"] = {"paypal": {"attributes": {"vault": vault}}}

    def _movements(self) -> list[Json]:
        """The transaction list: what moved the balance, oldest first."""
        rows = [_movement(row, "T0006", "") for row in self.books.rows("captures")]
        rows += [_movement(row, "T1107", "-") for row in self.books.rows("refunds")]
        rows += [_movement(row, "T0400", "-") for row in self.books.rows("payouts")]
        return sorted(rows, key=lambda row: str(row["transaction_initiation_date"]))


_STATES = {"PENDING": "P", "DECLINED": "D", "FAILED": "D"}


def _movement(row: Json, code: str, sign: str) -> Json:
    told: dict[str, Any] = {
        "transaction_id": row["id"],
        "transaction_event_code": code,
        "transaction_initiation_date": row["create_time"],
        "transaction_updated_date": row.get("update_time", row["create_time"]),
        "transaction_amount": row["amount"] | {"value": sign + row["amount"]["value"]},
        "transaction_status": _STATES.get(row.get("status", ""), "S"),
    }
    fee = row.get("seller_receivable_breakdown", {}).get("paypal_fee")
    if fee:
        told["fee_amount"] = fee | {"value": f"-{fee['value']}"}
    if "links" in row and row["links"][-1]["rel"] == "up" and code == "T1107":
        told |= {"paypal_reference_id": row["links"][-1]["href"].rpartition("/")[2], "paypal_reference_id_type": "TXN"}
    known = {"invoice_id": row.get("invoice_id"), "custom_field": row.get("custom_id")}
    return told | {name: value for name, value in known.items() if value}


def _with(url: str, **query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
