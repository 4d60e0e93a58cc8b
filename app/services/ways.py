"""What an attempt is paid with: a kept method, or a gateway account with which the payer finishes it themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from app.db import current_tenant_id, session
from app.domain.errors import Conflict, InvalidInput
from app.domain.phones import international
from app.domain.routing import Case
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.gateways.types import BrowserForm, Choice
from app.models import Customer, GatewayAccount, Invoice, PaymentMethod, Tenant
from app.queries import portal as query
from app.queries.base import get
from app.queries.payments import chargeable
from app.services import breakers, gateway_accounts, numbers, routing


@dataclass(frozen=True, slots=True)
class Hosted:
    """The payer finishes it with the gateway of an account: on its page, by a code, on their phone (`phone`).

    `keep_method`: what they pay with there is kept as their method, if the gateway gives it to us. `choice`: which of
    the account's `choices` they have chosen, the usual one if empty. `by_form`: the gateway's own form can be shown
    where they are, if the account has one; else they go to its page.
    """

    account_id: str
    phone: str = ""
    keep_method: bool = False
    choice: str = ""
    by_form: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """An account, ready for something new, and what of it is charged: a method, or whatever its payer chooses there."""

    account: GatewayAccount
    method: PaymentMethod | None = None
    phone: str | None = None
    keep_method: bool = False
    choice: str = ""
    by_form: bool = False

    @property
    def is_on_page(self) -> bool:
        """Whether the payer goes to a page of the gateway."""
        return self.method is None and not self.by_form


def by_method(invoice: Invoice, method_id: str | None) -> Way:
    """A kept method: the one named, else the subscription's, else the customer's default.

    An account that is left alone is stood in for by another one at which the customer has a method, unless the method
    was named. Raises Conflict when there is none, when it is not the customer's, or its account is disabled or left
    alone.
    """
    kept = chargeable(invoice)
    first = next((one for one in kept if (one.method.id == method_id if method_id else one.unasked)), None)
    if first is None and method_id:
        raise Conflict("This customer has no such payment method.", code="payment_method_unknown")
    if first is None:
        raise Conflict("This customer has no payment method yet.", code="no_payment_method")
    account = gateway_accounts.enabled(first.account)
    if breakers.lets_through(account):
        return Way(account, first.method)
    accounts = {one.method: one.account for one in kept}
    others = [] if method_id else routing.stand_ins(invoice, first.method, list(accounts), (), declined=False)
    for other in others:
        if breakers.lets_through(accounts[other]):
            return Way(accounts[other], other)
    raise _left_alone(account)


def stand_ins(
    invoice: Invoice, method: PaymentMethod, avoiding: Collection[str], *, declined: bool
) -> list[PaymentMethod]:
    """What else of the customer's can be charged at another account when `method` cannot, the first choice first."""
    kept = query.methods_of(invoice.customer_id)
    return routing.stand_ins(invoice, method, kept, avoiding, declined=declined)


def by_payer(invoice: Invoice, hosted: Hosted) -> Way:
    """An account with which the payer finishes the payment.

    Raises as `checked` does, and Conflict for an account that is left alone.
    """
    way = checked(invoice, hosted)
    if not breakers.lets_through(way.account):
        raise _left_alone(way.account)
    return way


def checked(invoice: Invoice, hosted: Hosted) -> Way:
    """What the payer asked for, if it can be had there; nothing is changed by looking.

    Raises Conflict for an account that takes no such payment in the invoice's currency, and InvalidInput for a phone
    number that is missing or none, or a choice that the account does not have.
    """
    account = gateway_accounts.usable(hosted.account_id)
    if not takes_hosted(account, invoice.currency):
        raise Conflict(f"{account.name} takes no such payment in {invoice.currency}.", code="not_offered")
    chosen, by_form = _chosen(account, hosted, invoice.currency), hosted.by_form and form_of(account) is not None
    way = Way(account, keep_method=hosted.keep_method, choice=chosen, by_form=by_form)
    if Capability.PHONE not in gateway_class(account.gateway).capabilities:
        return way
    if not hosted.phone:
        raise InvalidInput("Give the number of the phone that is to pay.", code="missing", field="phone")
    return replace(way, phone=international(hosted.phone))


def offered(invoice: Invoice) -> list[GatewayAccount]:
    """The accounts with which the payer of an invoice can finish a payment now: for each gateway the one that the
    routing rules put first, without those that are left alone because they cannot be reached."""
    country = get(Customer, invoice.customer_id).address.get("country")
    case = Case(invoice.currency, invoice.due_minor, country)
    fitting = [one for one in routing.accounts_for(case, invoice.id) if takes_hosted(one, invoice.currency)]
    reachable = [one for one in fitting if breakers.state(one) not in ("open", "waiting")]
    first = {account.gateway: account for account in reversed(reachable)}
    return [account for account in reachable if first[account.gateway] is account]


def number_for(account: GatewayAccount) -> int | None:
    """A number that no attempt of the tenant ever had, drawn in the caller's transaction; None where none is needed.

    One row of numbers for all of a tenant's accounts: two of them may derive addresses from the same key.
    """
    needed = Capability.NUMBERED in gateway_class(account.gateway).capabilities
    return numbers.take("addresses") if needed else None


def choices(account: GatewayAccount, currency: str) -> Sequence[Choice]:
    """What payers in this currency can choose among at an account; none where there is nothing to choose."""
    has = Capability.CHOICES in gateway_class(account.gateway).capabilities
    return gateway_accounts.connect(account).choices(currency) if has else ()


def form_of(account: GatewayAccount) -> BrowserForm | None:
    """The gateway's own form for our pages; None where it has none, or the account is not set up for it."""
    has = Capability.FORM in gateway_class(account.gateway).capabilities
    return gateway_accounts.connect(account).browser_form() if has else None


def takes_hosted(account: GatewayAccount, currency: str) -> bool:
    """Whether payers can finish a payment in this currency with the account. A live workspace takes no test money."""
    gateway = gateway_class(account.gateway)
    takes = gateway.currencies is None or currency in gateway.currencies
    tenant = session().get_one(Tenant, current_tenant_id())
    return takes and account.mode == tenant.mode and Capability.HOSTED in gateway.capabilities


def can_hold(way: Way) -> bool:
    """Whether what is paid so can be authorized first, and captured later."""
    gateway = gateway_class(way.account.gateway)
    return Capability.CAPTURE in gateway.capabilities and (not way.is_on_page or gateway.holds_pages)


def check_holds(way: Way, *, wanted: bool) -> None:
    """Raises Conflict when money is to be reserved only, and cannot be in this way."""
    if wanted and not can_hold(way):
        raise Conflict(f"{way.account.name} takes money at once: it cannot be captured later.", code="not_held")


def can_reserve(invoice: Invoice) -> bool:
    """Whether the method that an invoice is charged with can be authorized first."""
    first = next((one for one in chargeable(invoice) if one.unasked), None)
    return first is not None and can_hold(Way(first.account, first.method))


def _chosen(account: GatewayAccount, hosted: Hosted, currency: str) -> str:
    if hosted.choice and hosted.choice not in [choice.name for choice in choices(account, currency)]:
        raise InvalidInput(f"{account.name} does not take {hosted.choice}.", code="no_choice", field="choice")
    return hosted.choice


def _left_alone(account: GatewayAccount) -> Conflict:
    title = gateway_class(account.gateway).title
    return Conflict(
        f"{title} cannot be reached at the moment: try again in a few minutes, or pay in another way.",
        code="gateway_paused",
    )
