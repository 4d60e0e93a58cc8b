"""What the page of an invoice offers to pay with, and the paying itself."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from wtforms import BooleanField, StringField

from app.db import transaction
from app.domain.errors import Conflict, InvalidInput
from app.models import Invoice, Payment, PaymentMethod
from app.present import present
from app.queries import portal as query
from app.services import charging, payment_methods
from app.web.checkout import hosted, methods
from app.web.checkout.hosted import HostedWay
from app.web.checkout.methods import NewMethod
from app.web.forms import Form


class PayForm(Form):
    """What to pay with (a method's id, or an account's for something new), and the amount that the payer has seen."""

    choice = StringField("Pay with")
    seen = StringField("Amount")
    keep = BooleanField("Pay what else is due, and future invoices, with it too", default=True)


@dataclass(frozen=True, slots=True)
class Till:
    """One invoice, the methods its customer has, the ways to add another or to pay with a gateway, and the form that
    chooses among them."""

    invoice: Invoice
    saved: Sequence[PaymentMethod]
    new: Sequence[NewMethod]
    hosted: Sequence[HostedWay]
    form: PayForm

    @classmethod
    def of(cls, invoice: Invoice) -> Self:
        """The till as it is now. The form holds what was sent; on a fresh page the first choice is made."""
        saved, new = query.methods_of(invoice.customer_id), methods.offered(invoice.currency)
        with_gateway = hosted.offered(invoice)
        accounts = [*(way.account for way in new), *(way.account for way in with_gateway)]
        choices = [*(method.id for method in saved), *(account.id for account in accounts)]
        return cls(invoice, saved, new, with_gateway, PayForm(choice=next(iter(choices), None)))

    @property
    def is_open(self) -> bool:
        """Whether there is anything to pay."""
        return self.invoice.status in query.OWED and bool(self.invoice.due)

    @property
    def faults(self) -> list[tuple[str | None, str]]:
        """What is wrong with the form and with the part of it that was chosen."""
        return [fault for form in self._forms for fault in form.faults]

    def take_payment(self) -> bool:
        """Pay as the form says, which keeps the attempt as its result. False when that was refused; `faults` say why.

        Only what says nothing of the money is refused: a declined payment is a result.
        """
        faulty = [form for form in self._forms if not form.validate()]
        return not faulty and self.form.carry_out(self._pay)

    def _pay(self) -> Payment:
        """An attempt that only waits for its payer is given up first: they have chosen another way."""
        self._refuse_stale()
        at = present(self.invoice.id)
        charging.supersede(self.invoice.id, at)
        if way := self._chosen_hosted:
            wanted = way.hosted(keep=bool(self.form.keep.data))
            return charging.collect(self.invoice.id, at, hosted=wanted, off_session=False)
        method_id = self._method()
        payment = charging.collect(self.invoice.id, at, method_id=method_id, off_session=False)
        if self._chosen_new:
            self._settle_new(method_id, payment)
        return payment

    def _settle_new(self, method_id: str, payment: Payment) -> None:
        """A new method that failed at once is not kept, unless it is the only one of a running subscription."""
        with suppress(Conflict), transaction():
            if payment.status == "failed":
                payment_methods.remove(method_id, present(method_id))
            elif self.form.keep.data:
                payment_methods.make_default(method_id, present(method_id))

    def _method(self) -> str:
        choice = self.form.choice.data
        if wanted := self._chosen_new:
            return methods.add(self.invoice.customer_id, wanted, default=False).id
        if choice not in [method.id for method in self.saved]:
            raise InvalidInput("Choose what to pay with.", code="no_choice", field="choice")
        return str(choice)

    def _refuse_stale(self) -> None:
        """Nobody pays another amount than the one they saw."""
        if not self.is_open:
            raise Conflict(f"This invoice is {self.invoice.status}: there is nothing to pay.", code="not_payable")
        if self.form.seen.data != str(self.invoice.due.minor):
            raise Conflict("The amount has changed since you opened this page: look at it again.", code="stale_amount")

    @property
    def _chosen_new(self) -> NewMethod | None:
        return next((way for way in self.new if way.account.id == self.form.choice.data), None)

    @property
    def _chosen_hosted(self) -> HostedWay | None:
        return next((way for way in self.hosted if way.account.id == self.form.choice.data), None)

    @property
    def _forms(self) -> list[Form]:
        chosen = self._chosen_new or self._chosen_hosted
        return [self.form, chosen.form] if chosen else [self.form]
