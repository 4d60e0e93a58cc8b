"""Adyen: payments with kept methods, payment links, captures, cancellations and refunds that only a webhook settles.

The API key is `adyen_simulator`, the merchant account `QuittanceSimulator`. Every shopper has the methods `visa-ok`,
`redirect` (the bank wants to be asked) and `pending`; `refused-12` is refused with any of Adyen's reason codes.
Captures and cancellations are done at once, refunds by `settle_refund`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from simulators import adyen_fields
from simulators.adyen_base import AdyenBase, new_psp, refusal
from simulators.books import Taken
from simulators.calls import Answer, Call, Json
from simulators.frame import action, route
from simulators.pages import page, send_back

EVERYBODYS = ("visa-ok", "redirect", "pending")
REASONS = {"2": "Refused", "6": "Expired Card", "8": "Invalid Card Number", "12": "Not enough balance"}
LINK_DAYS, DEFENSE_DAYS = 1, 14
PAYING = {"pay": "Pay by card", "refuse": "Pay by a card that is refused"}


class AdyenSimulator(AdyenBase):
    """One merchant account."""

    def taken(self) -> list[Taken]:
        return [
            Taken(
                payment["reference"].removesuffix(".held"),
                payment["shown_as"],
                payment["amount"]["value"],
                payment["amount"]["currency"],
                payment["status"],
                sum(refund["amount"]["value"] for refund in self._refunds_that_count(payment)),
            )
            for payment in self.books.tables["payments"].values()
            if payment["status"] in ("held", "taken", "pending")
        ]

    @route("POST", "/v72/paymentMethods")
    def list_methods(self, call: Call) -> Answer:
        self.wish(call, adyen_fields.ASKED)
        return Answer({"paymentMethods": [{"name": "Cards", "type": "scheme", "brands": ["visa", "mc"]}]})

    @route("POST", "/v72/payments")
    def create_payment(self, call: Call) -> Answer:
        wish = self.wish(call, adyen_fields.PAYMENT)
        self._check_amount(wish["amount"])
        method, shopper = wish["paymentMethod"]["storedPaymentMethodId"], wish.get("shopperReference", "")
        kept = self.books.tables["stored"].get(method, {})
        everybodys = method in EVERYBODYS or method.startswith("refused-")
        if not everybodys and kept.get("shopper") != shopper:
            raise refusal(422, "803", "PaymentDetail not found")
        held = wish.get("additionalData", {}).get("manualCapture") == "true"
        payment = self._new_payment(wish["reference"], wish["amount"], held=held)
        if call.decline or method.startswith("refused-"):
            return Answer(self._refuse(payment, call.decline or method.removeprefix("refused-")))
        if method == "pending":
            payment["status"] = "pending"
            return Answer(_answer(payment, "Pending"))
        if method != "redirect" and "attemptAuthentication" not in wish.get("authenticationData", {}):
            return Answer(self._authorise(payment))
        if wish.get("recurringProcessingModel") == "UnscheduledCardOnFile":
            return Answer(self._refuse(payment, "38"))
        asking = wish.get("authenticationData", {}).get("threeDSRequestData", {})
        if asking.get("nativeThreeDS") != "disabled":
            return Answer(
                _answer(payment, "IdentifyShopper") | {"action": {"type": "threeDS2", "subtype": "fingerprint"}}
            )
        payment["back"] = wish["returnUrl"]
        where = {"type": "redirect", "method": "GET", "url": f"{self.url}/bank/{payment['id']}"}
        return Answer(_answer(payment, "RedirectShopper") | {"action": where | {"paymentMethodType": "scheme"}})

    @route("POST", "/v72/payments/details")
    def complete_payment(self, call: Call) -> Answer:
        ref, _, choice = self.wish(call, adyen_fields.DETAILS)["details"]["redirectResult"].partition(".")
        payment = self.row("payments", ref)
        if payment["status"] != "started":
            raise refusal(422, "14_006", "This redirectResult was used already.")
        return Answer(self._authorise(payment) if choice == "approve" else self._refuse(payment, "11"))

    @route("POST", "/v72/payments/{psp}/captures")
    def capture_payment(self, call: Call) -> Answer:
        wish, payment = self.wish(call, adyen_fields.CHANGE), self.row("payments", call.parts["psp"])
        less = wish["amount"]["value"] <= payment["amount"]["value"]
        works = payment["status"] == "held" and less and wish["amount"]["currency"] == payment["amount"]["currency"]
        if works:
            rest = payment["amount"]["value"] - wish["amount"]["value"]
            payment |= {"status": "taken", "amount": wish["amount"], "rest": rest}
        return self._received(payment, wish, "CAPTURE", works=works)

    @route("POST", "/v72/payments/{psp}/cancels")
    def cancel_payment(self, call: Call) -> Answer:
        wish, payment = self.wish(call, adyen_fields.CANCEL), self.row("payments", call.parts["psp"])
        works = payment["status"] == "held"
        if works:
            payment["status"] = "canceled"
        return self._received(payment, wish, "CANCELLATION", works=works)

    @route("POST", "/v72/cancels")
    def cancel_by_reference(self, call: Call) -> Answer:
        wish = self.wish(call, adyen_fields.CANCEL_BY_REFERENCE)
        rows = self.books.rows("payments", reference=wish["paymentReference"])
        if not rows:
            raise refusal(422, "167", "Original pspReference required for this operation")
        payment = next((row for row in rows if row["status"] == "held"), rows[-1])
        if works := payment["status"] == "held":
            payment["status"] = "canceled"
        ref = new_psp()
        self.tell("TECHNICAL_CANCEL", payment, success=works, ref=ref)
        return Answer({"pspReference": ref, "status": "received", **wish}, 201)

    @route("POST", "/v72/payments/{psp}/refunds")
    def refund_payment(self, call: Call) -> Answer:
        wish, payment = self.wish(call, adyen_fields.CHANGE), self.row("payments", call.parts["psp"])
        gone = sum(refund["amount"]["value"] for refund in self._refunds_that_count(payment))
        works = payment["status"] == "taken" and gone + wish["amount"]["value"] <= payment["amount"]["value"]
        if not works:
            return self._received(payment, wish, "REFUND", works=False)
        refund = {"id": new_psp(), "payment": payment["id"], "status": "received", **wish}
        self.books.put("refunds", refund)
        return Answer(_receipt(refund["id"], payment, wish), 201)

    @route("POST", "/v72/paymentLinks")
    def create_link(self, call: Call) -> Answer:
        wish = self.wish(call, adyen_fields.LINK)
        if wish["amount"]["value"]:
            self._check_amount(wish["amount"])
        ref = f"PL{new_psp()}"
        until = datetime.now(UTC) + timedelta(days=LINK_DAYS)
        link: Json = {"id": ref, "status": "active", "url": f"{self.url}/link/{ref}", "reusable": False, **wish}
        link["expiresAt"] = until.isoformat(timespec="seconds")
        return Answer(self.books.put("links", link), 201)

    @route("GET", "/v72/paymentLinks/{id}")
    def get_link(self, call: Call) -> Answer:
        return Answer(self.row("links", call.parts["id"]))

    @route("PATCH", "/v72/paymentLinks/{id}")
    def update_link(self, call: Call) -> Answer:
        wish, link = self.wish(call, adyen_fields.EXPIRE), self.row("links", call.parts["id"])
        if link["status"] not in ("active", "expired"):
            raise refusal(422, "29_003", "The payment link cannot be changed any more.")
        link |= wish
        return Answer(link)

    @route("GET", "/v72/storedPaymentMethods")
    def list_stored(self, call: Call) -> Answer:
        shopper = call.asked["shopperReference"]
        rows = self.books.rows("stored", shopper=shopper)
        shown = [{name: value for name, value in row.items() if name != "shopper"} for row in rows]
        known = {"merchantAccount": call.asked["merchantAccount"], "shopperReference": shopper}
        return Answer(known | {"storedPaymentMethods": shown})

    @route("DELETE", "/v72/storedPaymentMethods/{id}")
    def delete_stored(self, call: Call) -> Answer:
        kept = self.books.tables["stored"].get(call.parts["id"])
        if not kept or kept["shopper"] != call.asked.get("shopperReference"):
            raise refusal(422, "803", "PaymentDetail not found")
        del self.books.tables["stored"][kept["id"]]
        return Answer("", 204)

    @route("GET", "/link/{id}", public=True)
    def show_link(self, call: Call) -> Answer:
        link = self.row("links", call.parts["id"])
        if link["status"] != "active":
            return page("Adyen", "There is nothing to pay here any more.", {})
        if not link["amount"]["value"]:
            return page("Adyen", "Keep a card for later payments.", {"pay": "Keep this card"})
        amount = link["amount"]
        return page("Adyen", f"{amount['value']} {amount['currency']} (in the smallest units)", PAYING)

    @route("POST", "/link/{id}", public=True)
    def answer_link(self, call: Call) -> Answer:
        link = self.row("links", call.parts["id"])
        if link["status"] != "active":
            return send_back(link["returnUrl"])
        payment = self._new_payment(link["reference"], link["amount"], held=link.get("manualCapture", False))
        payment["shown_as"] = f"link/{link['id']}"
        if call.form.get("choice") == "refuse":
            self._refuse(payment, "2")
            return page("Adyen", "The card was refused.", PAYING)
        link["status"] = "completed"
        if link.get("storePaymentMethodMode", "disabled") != "disabled":
            self.leave(link["shopperReference"])
        self._authorise(payment)
        return send_back(link["returnUrl"])

    @route("GET", "/bank/{id}", public=True)
    def show_bank(self, call: Call) -> Answer:
        amount = self.row("payments", call.parts["id"])["amount"]
        sentence = f"Your bank asks: {amount['value']} {amount['currency']} (in the smallest units)?"
        return page("Your bank", sentence, {"approve": "Approve", "refuse": "Refuse"})

    @route("POST", "/bank/{id}", public=True)
    def answer_bank(self, call: Call) -> Answer:
        payment = self.row("payments", call.parts["id"])
        query = urlencode({"redirectResult": f"{payment['id']}.{call.form.get('choice', 'refuse')}"})
        return send_back(f"{payment['back']}{'&' if '?' in payment['back'] else '?'}{query}")

    @action
    def leave(self, shopper: str) -> str:
        """A payer leaves a card; gives its id."""
        ref = new_psp()
        card = {"id": ref, "shopper": shopper, "type": "scheme", "brand": "visa", "lastFour": "4242"}
        card |= {"expiryMonth": "12", "expiryYear": "2034", "name": "VISA", "createdAt": datetime.now(UTC).isoformat()}
        card["supportedRecurringProcessingModels"] = ["CardOnFile", "Subscription", "UnscheduledCardOnFile"]
        card |= {"alias": "A424242", "aliasType": "Default"}
        self.books.put("stored", card)
        return ref

    @action
    def settle(self, ref: str, succeeds: bool = True) -> None:
        """The money of a pending payment arrives, or does not."""
        payment = self.row("payments", ref)
        payment["status"] = "taken" if succeeds else "refused"
        self.tell("AUTHORISATION", payment, success=succeeds)

    @action
    def expire(self, ref: str) -> None:
        """What nobody captured of a payment is reserved no longer. The webhook names the payment itself."""
        payment = self.row("payments", ref)
        if payment["status"] == "held":
            payment |= {"status": "canceled", "rest": payment["amount"]["value"]}
        if payment.get("rest"):
            self.tell("EXPIRE", payment, amount=payment["amount"] | {"value": payment.pop("rest")})

    @action
    def settle_refund(self, ref: str, succeeds: bool = True) -> None:
        """A refund arrives, or does not."""
        refund = self.row("refunds", ref)
        refund["status"] = "sent" if succeeds else "failed"
        payment = self.row("payments", refund["payment"])
        self.tell("REFUND", payment, success=succeeds, ref=ref, **_as_sent(refund))

    @action
    def dispute(self, ref: str, code: str = "CHARGEBACK", case: str = "") -> str:
        """The payer's bank wants money back, or decides; gives the reference of the dispute."""
        case = case or new_psp()
        until = datetime.now(UTC) + timedelta(days=DEFENSE_DAYS)
        extra = {"defensePeriodEndsAt": until.isoformat(timespec="seconds")}
        self.tell(code, self.row("payments", ref), ref=case, reason="Fraudulent Transaction", additionalData=extra)
        return case

    def _new_payment(self, reference: str, amount: Json, *, held: bool) -> Json:
        ref = new_psp()
        row = {"id": ref, "shown_as": ref, "reference": reference, "amount": amount, "held": held, "status": "started"}
        return self.books.put("payments", row)

    def _authorise(self, payment: Json) -> Json:
        payment["status"] = "held" if payment["held"] else "taken"
        self.tell("AUTHORISATION", payment)
        return _answer(payment, "Authorised")

    def _refuse(self, payment: Json, code: str) -> Json:
        payment["status"] = "refused"
        self.tell("AUTHORISATION", payment, success=False)
        return _answer(payment, "Refused") | {"refusalReason": REASONS.get(code, "Refused"), "refusalReasonCode": code}

    def _received(self, payment: Json, wish: Json, code: str, *, works: bool) -> Answer:
        ref = new_psp()
        self.tell(code, payment, success=works, ref=ref, **_as_sent(wish))
        return Answer(_receipt(ref, payment, wish), 201)

    def _refunds_that_count(self, payment: Json) -> list[Json]:
        rows = self.books.rows("refunds", payment=payment["id"])
        return [row for row in rows if row["status"] != "failed"]

    @staticmethod
    def _check_amount(amount: Json) -> None:
        if amount["value"] < 1:
            raise refusal(422, "100", "Required field 'amount' is not provided.")


def _answer(payment: Json, code: str) -> Json:
    answer = {"pspReference": payment["id"], "resultCode": code, "merchantReference": payment["reference"]}
    return answer | {"amount": payment["amount"]}


def _receipt(ref: str, payment: Json, wish: Json) -> dict[str, Any]:
    return {"paymentPspReference": payment["id"], "pspReference": ref, "status": "received", **wish}


def _as_sent(wish: Json) -> Json:
    sent = {"merchantReference": wish.get("reference"), "amount": wish.get("amount")}
    return {name: value for name, value in sent.items() if value}
