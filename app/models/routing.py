"""Rules for which gateway account takes a payment."""

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.routing import Rule
from app.models.base import TenantRow, belongs_to, key, minor, reference
from app.models.payments import GatewayAccount


class RoutingRule(TenantRow):
    """One rule; what is None is no condition. Amounts are in minor units of its currency, which they need."""

    __tablename__ = "routing_rules"
    __table_args__ = (
        belongs_to("gateway_account_id", "gateway_accounts"),
        CheckConstraint("weight > 0", name="routing_rules_weight"),
        CheckConstraint(
            "currency IS NOT NULL OR (min_minor IS NULL AND max_minor IS NULL)", name="routing_rules_currency"
        ),
    )

    id: Mapped[str] = key("rtr")
    gateway_account_id: Mapped[str] = reference("gac")
    position: Mapped[int]
    weight: Mapped[int] = mapped_column(default=1)
    currency: Mapped[str | None] = mapped_column(String(3))
    country: Mapped[str | None] = mapped_column(String(2))
    kind: Mapped[str | None] = mapped_column(String(32))
    min_minor: Mapped[int | None] = minor()
    max_minor: Mapped[int | None] = minor()
    on_decline: Mapped[bool] = mapped_column(default=False)

    gateway_account: Mapped[GatewayAccount] = relationship(viewonly=True)

    @property
    def rule(self) -> Rule:
        """The rule as the domain knows it."""
        return Rule(
            self.gateway_account_id,
            self.position,
            self.weight,
            self.currency,
            self.country,
            self.kind,
            self.min_minor,
            self.max_minor,
            self.on_decline,
        )
