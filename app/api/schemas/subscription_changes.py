"""Changes and pauses of subscriptions on the wire."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from app.api.schemas.base import Request
from app.api.schemas.previews_invoices import InvoicePreview
from app.api.schemas.values import Instant, Major, PlanId, Utc
from app.domain.lines import money_text
from app.domain.terms import ProrationMode
from app.services.sellable import MAX_QUANTITY
from app.services.subscription_changes import Quote, Wanted

Credit = Literal["second", "day", "none"]


class WantedChange(Request):
    """Another plan, another quantity or both; what is left out stays."""

    plan: PlanId | None = None
    quantity: int | None = Field(None, ge=1, le=MAX_QUANTITY)
    proration: Literal["second", "day", "none", "full", "next_period"] | None = Field(
        None, description="How the rest of the period is paid. The plan it is on decides unless given."
    )
    at: Instant | None = Field(
        None, description="The instant of a preview, in the current period and not to come. Now unless given."
    )

    def wanted(self) -> Wanted:
        mode = ProrationMode(self.proration) if self.proration else None
        return Wanted(self.plan, self.quantity, mode)


class SubscriptionChange(WantedChange):
    """A change to make. With the `fingerprint` of a preview it is refused (409) if its price has moved since."""

    fingerprint: Annotated[str, Field(max_length=64)] | None = None


class ChangePreview(BaseModel):
    """What a change at `at` would mean. `invoice` is issued at once; null when there is nothing to invoice now.

    `due_now` is what is left of it to pay after the customer's balance; `to_balance` is what they are given back.
    """

    at: Utc
    starts_at: Utc = Field(description="When the new terms begin: `at`, or the next period.")
    plan: str
    quantity: int
    current_period_end: Utc
    currency: str
    invoice: InvoicePreview | None
    due_now: Major
    to_balance: Major
    fingerprint: str

    @classmethod
    def of(cls, quote: Quote) -> Self:
        return cls(
            at=quote.at,
            starts_at=quote.starts_at,
            plan=quote.plan.id,
            quantity=quote.quantity,
            current_period_end=quote.after.period.end,
            currency=quote.plan.currency,
            invoice=InvoicePreview.of(quote.totals, quote.review_reason) if quote.totals else None,
            due_now=money_text(quote.due_now),
            to_balance=money_text(quote.to_balance),
            fingerprint=quote.fingerprint,
        )


class NewPause(Request):
    """A pause from now on. `billing` is what is billed meanwhile."""

    resume_at: Instant | None = Field(None, description="When it goes on by itself. Until it is resumed unless given.")
    billing: Literal["skip", "bill", "free"] = Field(
        "skip",
        description="`skip`: nothing, the time stands still. `bill`: as if there were no pause."
        " `free`: periods go on and cost nothing.",
    )
    credit: Credit = Field("none", description="With `skip`: how paid time that is not used is given back.")
