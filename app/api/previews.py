"""From what a preview is asked to what the domain computes: stored things looked up, refusals named by the request."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from app.api.offers import Offer, SoldAs, offer_of
from app.api.schemas.previews import InlineCustomer, Preview
from app.api.schemas.previews_invoices import InvoicePreview, InvoiceToPreview
from app.api.schemas.previews_subscriptions import ChangeToPreview, SubscriptionPreview, SubscriptionToPreview
from app.api.wording import named
from app.domain.anchors import ANNIVERSARY
from app.domain.contract import Contract, Move
from app.domain.errors import InvalidInput
from app.domain.invoicing import invoice_totals
from app.domain.scenario import PlannedCancellation, PlannedChange, Scenario
from app.domain.simulation import simulate
from app.domain.subscriptions import CancelMode
from app.domain.terms import FirstPeriod, ProrationMode, ProrationRules, Terms
from app.services.previews import Buyer, Seller, stored_buyer


def invoice_preview(asked: InvoiceToPreview, now: datetime) -> InvoicePreview:
    """What the invoice would be, by the rules that issue real ones. Raises InvalidInput, naming the request's field."""
    buyer, seller, at = _buyer(asked), Seller(asked.tax_numbers), asked.at or now
    _check_currency(buyer, asked.currency, "currency")
    discounts = asked.discounts_in(asked.currency)
    with named({"amount": "lines", "address.region": asked.place_field}):
        drafts = [
            line.draft(asked.currency, lambda category: seller.treatment(buyer, category, at), f"lines.{i}")
            for i, line in enumerate(asked.lines)
        ]
        totals = invoice_totals(drafts, asked.currency, discounts, asked.tax_rounding)
        return InvoicePreview.of(totals, seller.to_review(totals))


def subscription_preview(asked: SubscriptionToPreview, now: datetime) -> SubscriptionPreview:
    """What would become of the subscription, by the rules that renew and change real ones.

    Raises InvalidInput, naming the request's field.
    """
    seller = Seller(asked.tax_numbers)
    scenario = _scenario(asked, seller, now)
    horizon = "cycles" if asked.until is None else "until"
    words = {"trial_days": "plan.trial_days", "amount": "plan", "address.region": asked.place_field}
    with named({**words, "at": horizon, "until": horizon}):
        return SubscriptionPreview.of(simulate(scenario), scenario.terms.currency, seller.to_review)


@dataclass(frozen=True, slots=True)
class NamedChange(PlannedChange):
    """A change whose refusals are named by its place in the request."""

    field: str = ""

    def apply(self, contract: Contract) -> Move:
        words = {"at": f"{self.field}.at", "plan": f"{self.field}.plan", "amount": self.field}
        with named(words, self.field):
            return PlannedChange.apply(self, contract)


@dataclass(frozen=True, slots=True)
class NamedCancellation(PlannedCancellation):
    """The cancellation, whose refusals are named by its place in the request."""

    field: str = "cancel"

    def apply(self, contract: Contract) -> Move:
        with named({"at": f"{self.field}.at"}, self.field):
            return PlannedCancellation.apply(self, contract)


def _scenario(asked: SubscriptionToPreview, seller: Seller, now: datetime) -> Scenario:
    buyer = _buyer(asked)
    offer = offer_of(asked.plan, "plan", SoldAs())
    terms = _terms(asked, offer, int(asked.quantity))
    _check_currency(buyer, terms.currency, "plan")
    changes, cancellation = tuple(_changes(asked, offer)), _cancellation(asked)
    planned: list[NamedChange | NamedCancellation] = [*changes, *([cancellation] if cancellation else [])]
    last = max(planned, key=lambda event: event.at, default=None)
    # Of what is planned for after the end, the domain refuses the last.
    with named({"at": f"{last.field}.at"} if last else {}):
        return Scenario(
            terms,
            start_at=asked.start_at or now,
            timezone=asked.timezone or buyer.timezone or seller.timezone,
            anchor=asked.anchor.anchor() if asked.anchor else ANNIVERSARY,
            trial_days=offer.trial_days,
            until=asked.until,
            cycles=asked.cycles,
            changes=changes,
            cancellation=cancellation,
            discounts=asked.discounts_in(terms.currency),
            treatment=lambda at: seller.treatment(buyer, offer.sold_as.tax_category, at),
            inclusive=offer.sold_as.tax_behavior == "inclusive",
            tax_rounding=asked.tax_rounding,
        )


def _buyer(asked: Preview) -> Buyer:
    if asked.customer is None:
        return Buyer()
    return asked.customer.buyer() if isinstance(asked.customer, InlineCustomer) else stored_buyer(asked.customer)


def _check_currency(buyer: Buyer, currency: str, field: str) -> None:
    """A stored customer is billed in one currency, and nobody may be shown what could not be sold to them."""
    if buyer.currency not in (None, currency):
        raise InvalidInput(
            f"This customer is billed in {buyer.currency}, not in {currency}.", code="currency_mismatch", field=field
        )


def _terms(asked: SubscriptionToPreview, offer: Offer, quantity: int) -> Terms:
    """The terms of a plan, with what the request says about parts of a period."""
    terms = offer.terms(quantity)
    if asked.proration:
        mode = ProrationMode(asked.proration)
        terms = replace(terms, proration=ProrationRules(mode, mode, mode))
    return replace(terms, first_period=FirstPeriod(asked.first_period)) if asked.first_period else terms


def _changes(asked: SubscriptionToPreview, offer: Offer) -> Iterator[NamedChange]:
    """The changes in order of time, each told from the one before it: what it leaves out stays."""
    quantity, current = int(asked.quantity), offer
    for i, change in sorted(enumerate(asked.changes), key=lambda numbered: numbered[1].at):
        field = f"changes.{i}"
        current = _changed(current, change, field)
        quantity = int(change.quantity or quantity)
        mode = ProrationMode(change.proration) if change.proration else None
        yield NamedChange(change.at, _terms(asked, current, quantity), mode, field)


def _changed(current: Offer, change: ChangeToPreview, field: str) -> Offer:
    """The plan after a change. All plans of a preview are taxed alike, because an invoice for a change has both."""
    if change.plan is None and change.quantity is None:
        raise InvalidInput("Give another plan, another quantity or both.", code="missing", field=f"{field}.plan")
    if change.plan is None:
        return current
    offer = offer_of(change.plan, f"{field}.plan", current.sold_as)
    if not offer.sold_as.taxed_like(current.sold_as):
        raise InvalidInput(
            "This plan is taxed otherwise than the one before it: a preview needs one tax_category and tax_behavior.",
            code="taxed_otherwise",
            field=f"{field}.plan",
        )
    return offer


def _cancellation(asked: SubscriptionToPreview) -> NamedCancellation | None:
    end = asked.cancel
    return NamedCancellation(end.at, CancelMode(end.mode), ProrationMode(end.credit)) if end else None
