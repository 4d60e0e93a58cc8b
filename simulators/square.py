"""Square: payments, kept cards, refunds, disputes and payment links, for the calls that Quittance makes.

The access token is `square_simulator`, the location `L1`. Cards go by the names of Square's own sandbox nonces;
besides, `cnon:decline:<CODE>` is declined with any of Square's codes. Refunds are pending until `settle_refund`. Lists
can lag behind (`lag_seconds`), as Square's do.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from simulators import square_fields
from simulators.books import Taken, new_ref
from simulators.calls import Answer, Call, Json
from simulators.frame import action, route
from simulators.pages import page, send_back
from simulators.square_base import LOCATION, instant, now, refusal, stamp
from simulators.square_form import SquareForm

FEE_PER_MILLE, FEE_FIXED = 29, 30
EVIDENCE_DAYS = 7

DECLINED: Mapping[str, str] = {
    "cnon:card-nonce-declined": "GENERIC_DECLINE",
    "cnon:card-nonce-rejected-cvv": "CVV_FAILURE",
    "cnon:card-nonce-rejected-postalcode": "ADDRESS_VERIFICATION_FAILURE",
    "cnon:card-nonce-rejected-expiration": "INVALID_EXPIRATION",
    "cnon:card-nonce-requires-verification": "CARD_DECLINED_VERIFICATION_REQUIRED",
}
GOOD = ("cnon:card-nonce-ok", "wnon:cash-app-ok", "bnon:afterpay-ok", "bauth:ach-account-ok")
SOURCES: Mapping[str, str] = {"wnon": "WALLET", "bnon": "BUY_NOW_PAY_LATER", "bauth": "BANK_ACCOUNT"}


class SquareSimulator(SquareForm):
    """One seller with one location."""

    currency = "CAD"
    lag_seconds = 0.0

    def taken(self) -> list[Taken]:
        return [
            Taken(
                payment.get("reference_id") or payment.get("note", ""),
                payment["id"],
                payment["amount_money"]["amount"],
                payment["amount_money"]["currency"],
                payment["status"],
                sum(refund["amount_money"]["amount"] for refund in self._refunds_that_count(payment)),
            )
            for payment in self.books.tables["payments"].values()
            if payment["status"] in ("COMPLETED", "APPROVED", "PENDING")
        ]

    @route("POST", "/v2/payments")
    def create_payment(self, call: Call) -> Answer:
        wish = self.wish(call, square_fields.PAYMENT)
        self._check_money(wish["amount_money"])
        refused = call.decline or self._decline(wish)
        self.use(wish["source_id"])
        payment = self._new_payment(wish)
        if refused:
            return self._declined(payment, refused)
        status = "PENDING" if payment["source_type"] == "BANK_ACCOUNT" else "APPROVED"
        self._become(payment, "COMPLETED" if status == "APPROVED" and wish.get("autocomplete", True) else status)
        return Answer({"payment": payment})

    @route("GET", "/v2/payments")
    def list_payments(self, call: Call) -> Answer:
        seen = time.time() - self.lag_seconds
        payments = [row for row in self.books.rows("payments") if instant(row["created_at"]) <= seen]
        return self.listed("payments", payments, call)

    @route("POST", "/v2/payments/cancel")
    def cancel_by_key(self, call: Call) -> Answer:
        kept = self.books.answers.get(self.wish(call, square_fields.KEY)["idempotency_key"])
        if kept and isinstance(kept.answer.body, dict) and "payment" in kept.answer.body:
            self._cancel(self.row("payments", kept.answer.body["payment"]["id"]))
        return Answer({})

    @route("GET", "/v2/payments/{id}")
    def get_payment(self, call: Call) -> Answer:
        return Answer({"payment": self.row("payments", call.parts["id"])})

    @route("POST", "/v2/payments/{id}/complete")
    def complete_payment(self, call: Call) -> Answer:
        payment = self.row("payments", call.parts["id"])
        if payment["status"] != "APPROVED":
            raise refusal(400, "INVALID_REQUEST_ERROR", "BAD_REQUEST", f"The payment is {payment['status']}.")
        self._become(payment, "COMPLETED")
        return Answer({"payment": payment})

    @route("POST", "/v2/payments/{id}/cancel")
    def cancel_payment(self, call: Call) -> Answer:
        payment = self.row("payments", call.parts["id"])
        self._cancel(payment)
        return Answer({"payment": payment})

    @route("POST", "/v2/refunds")
    def refund_payment(self, call: Call) -> Answer:
        wish = self.wish(call, square_fields.REFUND)
        payment, amount = self.row("payments", wish["payment_id"]), wish["amount_money"]["amount"]
        self._check_money(wish["amount_money"])
        if payment["status"] != "COMPLETED":
            raise refusal(400, "REFUND_ERROR", "PAYMENT_NOT_REFUNDABLE", "The payment is not completed.")
        if amount > payment["amount_money"]["amount"] - payment["refunded_money"]["amount"]:
            raise refusal(400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID", "More than can be refunded.")
        return Answer({"refund": self._new_refund(payment, amount, wish.get("reason", ""))})

    @route("GET", "/v2/refunds")
    def list_refunds(self, call: Call) -> Answer:
        return self.listed("refunds", self.books.rows("refunds"), call)

    @route("GET", "/v2/refunds/{id}")
    def get_refund(self, call: Call) -> Answer:
        return Answer({"refund": self.row("refunds", call.parts["id"])})

    @route("GET", "/v2/payouts")
    def list_payouts(self, call: Call) -> Answer:
        return self.listed("payouts", self.books.rows("payouts"), call)

    @route("GET", "/v2/disputes")
    def list_disputes(self, call: Call) -> Answer:
        return self.listed("disputes", self.books.rows("disputes"), call)

    @route("GET", "/v2/disputes/{id}")
    def get_dispute(self, call: Call) -> Answer:
        return Answer({"dispute": self.row("disputes", call.parts["id"])})

    @route("GET", "/v2/locations/{id}")
    def get_location(self, call: Call) -> Answer:
        if call.parts["id"] != LOCATION:
            raise self.trouble(404, "not_found")
        return Answer({"location": {"id": LOCATION, "status": "ACTIVE", "currency": self.currency}})

    @route("POST", "/v2/customers")
    def create_customer(self, call: Call) -> Answer:
        wish = self.wish(call, square_fields.CUSTOMER)
        del wish["idempotency_key"]
        return Answer({"customer": self.books.put("customers", {"id": new_ref(), "created_at": now(), **wish})})

    @route("POST", "/v2/customers/search")
    def search_customers(self, call: Call) -> Answer:
        wanted = self.wish(call, square_fields.SEARCH)["query"]["filter"]["reference_id"]["exact"]
        return Answer({"customers": self.books.rows("customers", reference_id=wanted)})

    @route("POST", "/v2/cards")
    def create_card(self, call: Call) -> Answer:
        wish = self.wish(call, square_fields.CARD)
        payment = self.books.tables["payments"].get(wish["source_id"])
        refused = None if payment else call.decline or self._decline(wish)
        if refused:
            raise refusal(400, "PAYMENT_METHOD_ERROR", refused, "The card was declined.")
        self.row("customers", wish["card"]["customer_id"])
        self.use(wish["source_id"])
        card = {"id": new_ref("ccof:"), **self._entered(wish["source_id"])}
        card |= {"customer_id": wish["card"]["customer_id"], "enabled": True, "created_at": now(), "version": 1}
        self.tell("card", "created", self.books.put("cards", card))
        return Answer({"card": card})

    @route("GET", "/v2/cards/{id}")
    def get_card(self, call: Call) -> Answer:
        return Answer({"card": self.row("cards", call.parts["id"])})

    @route("POST", "/v2/cards/{id}/disable")
    def disable_card(self, call: Call) -> Answer:
        card = self.row("cards", call.parts["id"])
        card["enabled"] = False
        self.tell("card", "disabled", card)
        return Answer({"card": card})

    @route("POST", "/v2/online-checkout/payment-links")
    def create_link(self, call: Call) -> Answer:
        wish = self.wish(call, square_fields.LINK)
        total = {"amount": 0, "currency": self.currency}
        for line in wish["order"]["line_items"]:
            self._check_money(line["base_price_money"])
            total["amount"] += line["base_price_money"]["amount"]
        order = self.books.put("orders", {"id": new_ref(), "state": "OPEN", **wish["order"], "total_money": total})
        ref = new_ref()
        link = {"id": ref, "version": 1, "order_id": order["id"], "url": f"{self.url}/pay/{ref}", "created_at": now()}
        link["payment_note"] = wish.get("payment_note", "")
        link["checkout_options"] = wish.get("checkout_options", {})
        return Answer({"payment_link": self.books.put("links", link)})

    @route("GET", "/v2/online-checkout/payment-links/{id}")
    def get_link(self, call: Call) -> Answer:
        return Answer({"payment_link": self.row("links", call.parts["id"])})

    @route("DELETE", "/v2/online-checkout/payment-links/{id}")
    def delete_link(self, call: Call) -> Answer:
        link = self.row("links", call.parts["id"])
        del self.books.tables["links"][link["id"]]
        order = self.row("orders", link["order_id"])
        if "tenders" not in order:
            order["state"] = "CANCELED"
        return Answer({"id": link["id"], "cancelled_order_id": order["id"]})

    @route("GET", "/v2/orders/{id}")
    def get_order(self, call: Call) -> Answer:
        return Answer({"order": self.row("orders", call.parts["id"])})

    @route("GET", "/pay/{id}", public=True)
    def show_link(self, call: Call) -> Answer:
        link = self.books.tables["links"].get(call.parts["id"])
        if link is None:
            return page("Square", "There is nothing to pay here any more.", {})
        total = self.row("orders", link["order_id"])["total_money"]
        return page("Square", f"{total['amount']} {total['currency']} (in the smallest units)", _choices(link))

    @route("POST", "/pay/{id}", public=True)
    def answer_link(self, call: Call) -> Answer:
        link = self.books.tables["links"].get(call.parts["id"])
        if link is None:
            return send_back(self.url)
        order, source = self.row("orders", link["order_id"]), call.form.get("choice", "")
        if source in DECLINED:
            return page("Square", "The card was declined.", _choices(link))
        back = link["checkout_options"].get("redirect_url", self.url)
        if "tenders" in order:
            return send_back(back)
        known = {"source_id": source, "amount_money": order["total_money"], "note": link["payment_note"]}
        payment = self._new_payment(known | {"order_id": order["id"]})
        order |= {"state": "COMPLETED", "tenders": [{"id": payment["id"], "payment_id": payment["id"]}]}
        self._become(payment, "COMPLETED")
        query = urlencode({"orderId": order["id"], "transactionId": payment["id"]})
        return send_back(f"{back}{'&' if '?' in back else '?'}{query}")

    @action
    def settle(self, ref: str, succeeds: bool = True) -> None:
        """A bank transfer arrives, or comes back."""
        self._become(self.row("payments", ref), "COMPLETED" if succeeds else "FAILED")

    @action
    def settle_refund(self, ref: str, succeeds: bool = True) -> None:
        """A refund arrives, or comes back."""
        refund = self.row("refunds", ref)
        refund |= {"status": "COMPLETED" if succeeds else "FAILED", "updated_at": now()}
        if not succeeds:
            payment = self.row("payments", refund["payment_id"])
            payment["refunded_money"]["amount"] -= refund["amount_money"]["amount"]
        self.tell("refund", "updated", refund)

    @action
    def dispute(self, ref: str, reason: str = "NO_KNOWLEDGE") -> str:
        """The payer tells their bank that they never bought this; gives the dispute's id."""
        payment, due = self.row("payments", ref), time.time() + EVIDENCE_DAYS * 86400
        dispute = {"id": new_ref(), "amount_money": payment["amount_money"], "reason": reason, "version": 1}
        dispute |= {"state": "EVIDENCE_REQUIRED", "due_at": stamp(due), "disputed_payment": {"payment_id": ref}}
        dispute |= {"created_at": now(), "location_id": LOCATION}
        self.tell("dispute", "created", self.books.put("disputes", dispute))
        return str(dispute["id"])

    @action
    def update_card(self, ref: str, last4: str, exp_year: int) -> None:
        """The payer's bank sends a new card for a kept one."""
        card = self.row("cards", ref)
        card |= {"last_4": last4, "exp_year": exp_year}
        self.tell("card", "automatically_updated", card)

    @action
    def pay_out(self, amount: int) -> str:
        """Square sends the seller what is theirs; gives the payout's id."""
        payout: Json = {"id": new_ref("po_"), "status": "PAID", "created_at": now(), "location_id": LOCATION}
        payout["amount_money"] = {"amount": amount, "currency": self.currency}
        return str(self.books.put("payouts", payout)["id"])

    def _new_payment(self, wish: Mapping[str, Any]) -> Json:
        money, kept = dict(wish["amount_money"]), self.books.tables["cards"].get(wish["source_id"])
        prefix = str(wish["source_id"]).split(":")[0]
        row: Json = {
            "id": new_ref(),
            "created_at": now(),
            "amount_money": money,
            "total_money": money,
            "refunded_money": {"amount": 0, "currency": money["currency"]},
            "source_type": SOURCES.get(prefix, "CARD"),
            "location_id": LOCATION,
            "risk_evaluation": {"created_at": now(), "risk_level": "NORMAL"},
            **{name: wish[name] for name in ("reference_id", "note", "customer_id", "order_id") if name in wish},
        }
        if row["source_type"] == "CARD":
            card = kept or self._entered(wish["source_id"])
            row["card_details"] = {"status": "AUTHORIZED", "card": card, "cvv_status": "CVV_ACCEPTED"}
            row["card_details"] |= {"avs_status": "AVS_ACCEPTED", "errors": []}
        return self.books.put("payments", row)

    def _become(self, payment: Json, status: str) -> None:
        payment |= {"status": status, "updated_at": now()}
        if status == "COMPLETED":
            money = payment["amount_money"]
            fee = (money["amount"] * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED
            charged = {"amount": fee, "currency": money["currency"]}
            payment["processing_fee"] = [{"type": "INITIAL", "amount_money": charged, "effective_at": now()}]
        self.tell("payment", "updated", payment)

    def _cancel(self, payment: Json) -> None:
        if payment["status"] not in ("APPROVED", "PENDING", "CANCELED"):
            raise refusal(400, "INVALID_REQUEST_ERROR", "BAD_REQUEST", f"The payment is {payment['status']}.")
        self._become(payment, "CANCELED")

    def _decline(self, wish: Json) -> str | None:
        """Why a source is declined, if it is. Raises Refusal for one that cannot be charged at all."""
        source = wish["source_id"]
        if source.startswith("cnon:decline:"):
            return str(source.rpartition(":")[2])
        if source in self.books.tables["nonces"]:
            return self.refusal_of(source)
        card = self.books.tables["cards"].get(source)
        if card and not card["enabled"]:
            raise refusal(400, "INVALID_REQUEST_ERROR", "CARD_TOKEN_EXPIRED", "The card is disabled.", "source_id")
        if card and card["customer_id"] != wish.get("customer_id"):
            raise refusal(400, "INVALID_REQUEST_ERROR", "CUSTOMER_NOT_FOUND", "Another customer.", "customer_id")
        if not card and source not in DECLINED and source not in GOOD:
            raise refusal(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "No such source.", "source_id")
        return DECLINED.get(source)

    def _entered(self, source: str) -> Json:
        """The card behind a nonce, or behind the payment that was made with it."""
        paid = self.books.tables["payments"].get(source, {}).get("card_details", {}).get("card")
        nonce = self.books.tables["nonces"].get(source, {})
        shown = paid or {"last_4": nonce.get("last_4", "4242")}
        last4 = shown["last_4"]
        return {
            "card_brand": "VISA",
            "last_4": last4,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"sq-1-{last4}",
        }

    def _declined(self, payment: Json, code: str) -> Answer:
        fault = {"category": "PAYMENT_METHOD_ERROR", "code": code, "detail": f"Authorization error: '{code}'"}
        payment["card_details"] = payment.get("card_details", {}) | {"status": "FAILED", "errors": [fault]}
        self._become(payment, "FAILED")
        return Answer({"errors": [fault], "payment": payment}, 400)

    def _new_refund(self, payment: Json, amount: int, reason: str) -> Json:
        money = {"amount": amount, "currency": payment["amount_money"]["currency"]}
        refund = {"id": f"{payment['id']}_{new_ref()}", "status": "PENDING", "amount_money": money, "reason": reason}
        refund |= {"payment_id": payment["id"], "location_id": LOCATION, "created_at": now(), "updated_at": now()}
        payment["refunded_money"]["amount"] += amount
        payment.setdefault("refund_ids", []).append(refund["id"])
        self.tell("refund", "created", self.books.put("refunds", refund))
        return refund

    def _refunds_that_count(self, payment: Json) -> list[Json]:
        rows = self.books.rows("refunds", payment_id=payment["id"])
        return [row for row in rows if row["status"] in ("PENDING", "COMPLETED")]

    def _check_money(self, money: Json) -> None:
        if money["currency"] != self.currency:
            raise refusal(400, "INVALID_REQUEST_ERROR", "INVALID_VALUE", f"This location takes {self.currency}.")
        if money["amount"] < 1:
            raise refusal(400, "INVALID_REQUEST_ERROR", "VALUE_TOO_LOW", "At least 1.", "amount_money.amount")


def _choices(link: Json) -> dict[str, str]:
    accepted = link["checkout_options"].get("accepted_payment_methods", {})
    return {
        "cnon:card-nonce-ok": "Pay by card",
        "cnon:card-nonce-declined": "Pay by a card that is declined",
        **({"wnon:cash-app-ok": "Pay with Cash App"} if accepted.get("cash_app_pay") else {}),
        **({"bnon:afterpay-ok": "Pay later with Afterpay"} if accepted.get("afterpay_clearpay") else {}),
    }
