"""BTCPay Server: invoices, what payers send to them, and pull payments, for the calls that Quittance makes.

The API key is `btcpay_simulator`, the store `S1`. A bitcoin costs 50,000 of whatever currency an invoice is in. Payers
pay an invoice on its page (`/i/…`) and claim refunds on theirs (`/pull-payments/…`); what they pay on chain waits for
`confirm`, and an address goes on taking money whatever has become of its invoice, as addresses do.
"""

from decimal import Decimal

from simulators.books import Taken, new_ref
from simulators.btcpay_base import INVOICE, MARK, REFUND, STORE, BTCPayBase, now, refusal
from simulators.calls import Answer, Call, Json
from simulators.frame import action, route
from simulators.pages import page, send_back

EXPIRES_AFTER, WATCHED_AFTER = 15 * 60, 24 * 3600
CENTS = Decimal("0.01")

CHOICES = {
    "BTC-LN 100": "Pay by Lightning",
    "BTC-CHAIN 100": "Pay on chain",
    "BTC-LN 50": "Pay half of it",
    "BTC-LN 200": "Pay twice as much",
}


class BTCPaySimulator(BTCPayBase):
    """A server with one store."""

    def taken(self) -> list[Taken]:
        return [
            Taken(
                invoice["metadata"].get("orderId", ""),
                invoice["id"],
                int(Decimal(invoice["paidAmount"]).quantize(CENTS) * 100),
                invoice["currency"],
                invoice["status"],
                int(sum(Decimal(row["amount"]) for row in self._refunds_that_count(invoice)) * 100),
            )
            for invoice in self.books.tables["invoices"].values()
            if Decimal(invoice["paidAmount"])
        ]

    @route("POST", "/api/v1/stores/{store}/invoices")
    def create_invoice(self, call: Call) -> Answer:
        wish, ref, made = self.wish(call, INVOICE), new_ref(), now()
        invoice = {
            "id": ref,
            "storeId": STORE,
            "amount": str(wish["amount"]),
            "paidAmount": "0",
            "currency": wish["currency"],
            "type": "Standard",
            "checkoutLink": f"{self.url}/i/{ref}",
            "createdTime": made,
            "expirationTime": made + EXPIRES_AFTER,
            "monitoringExpiration": made + EXPIRES_AFTER + WATCHED_AFTER,
            "status": "New",
            "additionalStatus": "None",
            "availableStatusesForManualMarking": ["Settled", "Invalid"],
            "archived": False,
            "metadata": wish.get("metadata", {}),
            "checkout": wish.get("checkout", {}),
        }
        self._tell_of(self.books.put("invoices", invoice), "InvoiceCreated")
        return Answer(invoice)

    @route("GET", "/api/v1/stores/{store}/invoices")
    def list_invoices(self, call: Call) -> Answer:
        asked = call.asked
        first, last = int(asked.get("startDate", 0)), int(asked.get("endDate", now() + 1))
        rows = [row for row in self.books.rows("invoices") if first <= row["createdTime"] <= last]
        if "orderId" in asked:
            rows = [row for row in rows if row["metadata"].get("orderId") == asked["orderId"]]
        skip, take = int(asked.get("skip", 0)), int(asked.get("take", 50))
        return Answer(rows[::-1][skip : skip + take])

    @route("GET", "/api/v1/stores/{store}/invoices/{id}")
    def get_invoice(self, call: Call) -> Answer:
        return Answer(self.row("invoices", call.parts["id"]))

    @route("GET", "/api/v1/stores/{store}/invoices/{id}/payment-methods")
    def get_methods(self, call: Call) -> Answer:
        invoice = self.row("invoices", call.parts["id"])
        return Answer([self._method(invoice, name) for name in ("BTC-CHAIN", "BTC-LN")])

    @route("POST", "/api/v1/stores/{store}/invoices/{id}/status")
    def mark_invoice(self, call: Call) -> Answer:
        invoice = self.row("invoices", call.parts["id"])
        status = self.wish(call, MARK)["status"]
        self._become(invoice, status, "Marked")
        return Answer(invoice)

    @route("POST", "/api/v1/stores/{store}/invoices/{id}/refund")
    def refund_invoice(self, call: Call) -> Answer:
        invoice, wish = self.row("invoices", call.parts["id"]), self.wish(call, REFUND)
        if not Decimal(invoice["paidAmount"]):
            raise refusal(400, "invalid-state", "The invoice is not in a state that allows refunds.")
        named = {name: wish[name] for name in ("name", "description") if name in wish}
        return Answer(self._new_refund(invoice, str(wish["customAmount"]), wish["customCurrency"], **named))

    @route("GET", "/api/v1/stores/{store}/pull-payments")
    def list_pull_payments(self, call: Call) -> Answer:
        archived_too = call.asked.get("includeArchived") == "true"
        return Answer([row for row in self.books.rows("pull_payments") if archived_too or not row["archived"]])

    @route("GET", "/api/v1/stores/{store}/payouts")
    def list_payouts(self, call: Call) -> Answer:
        return Answer([row for row in self.books.rows("payouts") if row["state"] != "Cancelled"])

    @route("GET", "/api/v1/pull-payments/{id}")
    def get_pull_payment(self, call: Call) -> Answer:
        return Answer(self.row("pull_payments", call.parts["id"]))

    @route("GET", "/api/v1/pull-payments/{id}/payouts")
    def list_payouts_of(self, call: Call) -> Answer:
        rows = self.books.rows("payouts", pullPaymentId=self.row("pull_payments", call.parts["id"])["id"])
        return Answer([row for row in rows if row["state"] != "Cancelled"])

    @route("GET", "/i/{id}", public=True)
    def show_invoice(self, call: Call) -> Answer:
        invoice = self.row("invoices", call.parts["id"])
        if invoice["status"] != "New":
            return page("BTCPay Server", f"This invoice is {invoice['status'].lower()}.", {})
        due = Decimal(invoice["amount"]) - Decimal(invoice["paidAmount"])
        return page("BTCPay Server", f"{due} {invoice['currency']}: {self.bitcoins(due)} BTC", CHOICES)

    @route("POST", "/i/{id}", public=True)
    def answer_invoice(self, call: Call) -> Answer:
        invoice = self.row("invoices", call.parts["id"])
        back = invoice["checkout"].get("redirectURL", self.url)
        if invoice["status"] == "New":
            method, _, percent = call.form.get("choice", "").partition(" ")
            self.pay(invoice["id"], int(percent), method)
        return send_back(back.replace("{InvoiceId}", invoice["id"]))

    @route("GET", "/pull-payments/{id}", public=True)
    def show_pull_payment(self, call: Call) -> Answer:
        pull_payment = self.row("pull_payments", call.parts["id"])
        return page("BTCPay Server", f"{pull_payment['amount']} {pull_payment['currency']}", {"claim": "Claim it"})

    @route("POST", "/pull-payments/{id}", public=True)
    def answer_pull_payment(self, call: Call) -> Answer:
        self.claim(call.parts["id"])
        return send_back(f"{self.url}/pull-payments/{call.parts['id']}")

    @action
    def pay(self, ref: str, percent: int = 100, method: str = "BTC-LN") -> None:
        """The payer sends so much of what an invoice asks for, whatever has become of it meanwhile."""
        invoice = self.row("invoices", ref)
        value = self.bitcoins(Decimal(invoice["amount"]) * percent / 100)
        status = "Processing" if method == "BTC-CHAIN" else "Settled"
        payment = {"id": new_ref(), "receivedDate": now(), "value": str(value), "fee": "0", "status": status}
        payment |= {"destination": f"bc1{ref}", "invoice": ref, "method": method}
        self.books.put("payments", payment)
        self._tell_of(invoice, "InvoiceReceivedPayment")
        self._count(invoice)

    @action
    def confirm(self, ref: str, succeeds: bool = True) -> None:
        """What was sent on chain is confirmed, or was spent elsewhere."""
        invoice = self.row("invoices", ref)
        for payment in self.books.rows("payments", invoice=ref, status="Processing"):
            payment["status"] = "Settled" if succeeds else "Invalid"
        if not succeeds and invoice["status"] == "Processing":
            self._become(invoice, "Invalid", "None")
        self._count(invoice)

    @action
    def expire(self, ref: str) -> None:
        """The time to pay an invoice is over."""
        invoice = self.row("invoices", ref)
        if invoice["status"] == "New":
            self._become(invoice, "Expired", "PaidPartial" if Decimal(invoice["paidAmount"]) else "None")

    @action
    def stop_watching(self, ref: str) -> None:
        """The server watches the addresses of an invoice no longer."""
        self.row("invoices", ref)["monitoringExpiration"] = now() - 1

    @action
    def claim(self, ref: str) -> str:
        """The payer claims a refund; gives the payout's id."""
        pull_payment = self.row("pull_payments", ref)
        if pull_payment["archived"]:
            raise refusal(400, "archived", "This pull payment has been archived.")
        payout: Json = {"id": new_ref(), "revision": 0, "pullPaymentId": ref, "date": str(now()), "destination": "bc1q"}
        payout |= {"originalCurrency": pull_payment["currency"], "originalAmount": pull_payment["amount"]}
        payout |= {"payoutCurrency": "BTC", "payoutMethodId": "BTC-CHAIN", "state": "AwaitingApproval", "metadata": {}}
        payout |= {"payoutAmount": None}
        self._tell_of_payout(self.books.put("payouts", payout), "PayoutCreated")
        return str(payout["id"])

    @action
    def refund_on_page(self, ref: str, amount: str, currency: str) -> str:
        """The merchant refunds an invoice on the server's own pages; gives the pull payment's id."""
        return str(self._new_refund(self.row("invoices", ref), amount, currency)["id"])

    @action
    def pay_out(self, ref: str) -> None:
        """The merchant approves and sends what was claimed of a pull payment."""
        for payout in self.books.rows("payouts", pullPaymentId=ref):
            payout |= {"state": "Completed", "payoutAmount": str(self.bitcoins(Decimal(payout["originalAmount"])))}
            self._tell_of_payout(payout, "PayoutUpdated")

    @action
    def archive(self, ref: str) -> None:
        """The merchant closes a pull payment; what was claimed of it and not sent yet is cancelled."""
        self.row("pull_payments", ref)["archived"] = True
        for payout in self.books.rows("payouts", pullPaymentId=ref):
            if payout["state"] != "Completed":
                payout["state"] = "Cancelled"
                self._tell_of_payout(payout, "PayoutUpdated")

    def _count(self, invoice: Json) -> None:
        """What an invoice becomes by what was paid, as BTCPay's InvoiceWatcher has it."""
        counted = [row for row in self.books.rows("payments", invoice=invoice["id"]) if row["status"] != "Invalid"]
        paid = sum((Decimal(row["value"]) for row in counted), Decimal(0))
        invoice["paidAmount"] = str(paid * self.rate)
        asked = self.bitcoins(Decimal(invoice["amount"]))
        if paid < asked:
            if invoice["status"] == "Expired" and paid:
                self._become(invoice, "Expired", "PaidPartial")
            return
        if invoice["status"] == "Expired":
            self._become(invoice, "Expired", "PaidLate")
        elif invoice["status"] in ("New", "Processing", "Settled"):
            settled = all(row["status"] == "Settled" for row in counted)
            self._become(invoice, "Settled" if settled else "Processing", "PaidOver" if paid > asked else "None")

    def _become(self, invoice: Json, status: str, additional: str) -> None:
        invoice |= {"status": status, "additionalStatus": additional}
        self._tell_of(invoice, f"Invoice{status}")

    def _method(self, invoice: Json, name: str) -> Json:
        payments = self.books.rows("payments", invoice=invoice["id"], method=name)
        asked, paid = self.bitcoins(Decimal(invoice["amount"])), Decimal(invoice["paidAmount"]) / self.rate
        kind, to = ("bitcoin", f"bc1{invoice['id']}") if name == "BTC-CHAIN" else ("lightning", f"lnbc{invoice['id']}")
        shown = ("id", "receivedDate", "value", "fee", "status", "destination")
        return {
            "paymentMethodId": name,
            "currency": "BTC",
            "destination": to,
            "paymentLink": f"{kind}:{to}?amount={asked - paid:f}",
            "rate": str(self.rate),
            "paymentMethodPaid": str(sum((Decimal(row["value"]) for row in payments), Decimal(0))),
            "totalPaid": f"{paid:f}",
            "due": f"{asked - paid:f}",
            "amount": f"{asked:f}",
            "paymentMethodFee": "0",
            "payments": [{field: row[field] for field in shown} for row in payments if row["status"] != "Invalid"],
            "activated": True,
            "additionalData": {},
        }

    def _new_refund(self, invoice: Json, amount: str, currency: str, name: str = "", description: str = "") -> Json:
        ref = new_ref()
        pull_payment = {
            "id": ref,
            "name": name or f"Refund {invoice['id']}",
            "description": description,
            "currency": currency,
            "amount": amount,
            "BOLT11Expiration": "30",
            "autoApproveClaims": False,
            "archived": False,
            "viewLink": f"{self.url}/pull-payments/{ref}",
        }
        self.books.put("refunded", {"id": ref, "invoice": invoice["id"]})
        return self.books.put("pull_payments", pull_payment)

    def _refunds_that_count(self, invoice: Json) -> list[Json]:
        refs = [row["id"] for row in self.books.rows("refunded", invoice=invoice["id"])]
        rows = [self.books.tables["pull_payments"][ref] for ref in refs]
        return [row for row in rows if not row["archived"]]

    def _tell_of(self, invoice: Json, what: str) -> None:
        self.tell(what, {"invoiceId": invoice["id"], "metadata": dict(invoice["metadata"])})

    def _tell_of_payout(self, payout: Json, what: str) -> None:
        about = {"payoutId": payout["id"], "payoutState": payout["state"], "pullPaymentId": payout["pullPaymentId"]}
        self.tell(what, about)
