"""Plans of a preview as one thing, whether they are stored or given in the request."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app import models
from app.api.references import existing
from app.api.schemas.previews_subscriptions import InlinePlan
from app.domain.terms import Billing, Terms
from app.services.contracts import terms_of


@dataclass(frozen=True, slots=True)
class SoldAs:
    """When a plan is billed, and how it is taxed."""

    billing: Billing = Billing.IN_ADVANCE
    tax_category: str = "saas"
    tax_behavior: str = "exclusive"

    def taxed_like(self, other: "SoldAs") -> bool:
        """Whether both bear the same taxes, on top or inside."""
        return (self.tax_category, self.tax_behavior) == (other.tax_category, other.tax_behavior)


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan on offer: its terms for a quantity, and the days of its trial."""

    terms: Callable[[int], Terms]
    trial_days: int
    sold_as: SoldAs


def offer_of(plan: str | InlinePlan, field: str, before: SoldAs) -> Offer:
    """The plan with that id, or the one given, which is sold as `before` where it says nothing else.

    Raises InvalidInput, naming `field` or a field below it.
    """
    if isinstance(plan, InlinePlan):
        return _inline(plan, field, before)
    row = existing(models.Plan, plan, field)
    sold_as = SoldAs(terms_of(row, 1).billing, row.product.tax_category, row.tax_behavior)
    return Offer(partial(terms_of, row), row.trial_days, sold_as)


def _inline(plan: InlinePlan, field: str, before: SoldAs) -> Offer:
    sold_as = SoldAs(
        Billing(plan.bill or before.billing),
        plan.tax_category or before.tax_category,
        plan.tax_behavior or before.tax_behavior,
    )
    return Offer(
        lambda quantity: plan.terms(quantity, field, sold_as.billing),
        plan.trial_days or 0,
        sold_as,
    )
