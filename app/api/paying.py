"""Paying an invoice: whichever address it is asked at, and with a kept method or a fresh token."""

from app import models
from app.actors import paying_from
from app.api.references import existing, gateway_account
from app.api.schemas.gateway_accounts import Reserving
from app.api.schemas.invoices import InvoicePayment, payment_url
from app.api.schemas.payment_options import HostedOption, KeptOption, PaymentChoice, PaymentOptions
from app.api.schemas.payments import HostedPayment, NewPayment, ReceivedMoney
from app.domain.errors import Conflict, InvalidInput
from app.domain.money import Money
from app.gateways import gateway_class
from app.gateways.base import Capability
from app.present import present
from app.queries.base import get
from app.queries.claims import effect
from app.queries.portal import methods_of
from app.services import charging, outside_payments, payment_methods, payments, refusals, ways
from app.services.ways import Hosted, Way


def pay(
    invoice: models.Invoice, wanted: InvoicePayment, method_id: str | None, hosted: Hosted | None = None
) -> models.Payment:
    """Collect an invoice with a method, or the one it is collected with anyway; `hosted`: its payer finishes it.

    Another attempt that only waits for its payer is given up for this one; any other open attempt is a Conflict.
    """
    amount = _part(invoice, wanted)
    if method_id:
        _method_of(invoice, method_id)
    with paying_from(wanted.payer_ip):
        charging.supersede(invoice.id, present(invoice.id))
        return charging.collect(
            invoice.id,
            present(invoice.id),
            method_id=method_id,
            hosted=hosted,
            off_session=wanted.off_session,
            return_url=wanted.return_url or "",
            manual_capture=wanted.capture == "manual",
            amount=amount,
        )


def begin(invoice: models.Invoice, wanted: NewPayment, chosen: HostedPayment) -> models.Payment:
    """Begin a payment that its payer finishes with the gateway. What cannot be had is refused before another attempt
    is given up for it."""
    if wanted.token or wanted.payment_method_id:
        raise InvalidInput("Charge a method, or have the payer choose: not both.", code="ambiguous", field="hosted")
    if wanted.off_session:
        raise InvalidInput("A hosted payment needs its payer there.", code="off_session", field="off_session")
    account_id = chosen.gateway_account or _first_offered(invoice, wanted.payment_gateway)
    existing(models.GatewayAccount, account_id, "hosted.gateway_account")
    hosted = Hosted(account_id, chosen.phone, chosen.keep_method, chosen.choice, chosen.by_form)
    try:
        way = ways.checked(invoice, hosted)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, code=refusal.code, field=f"hosted.{refusal.field}") from None
    ways.check_holds(way, wanted=wanted.capture == "manual")
    return pay(invoice, wanted, None, hosted)


def receive(invoice: models.Invoice, wanted: NewPayment, money: ReceivedMoney) -> models.Payment:
    """Record money that came in outside of any gateway: there is nothing to charge beside it."""
    to_charge = (wanted.token, wanted.payment_method_id, wanted.payment_gateway, wanted.hosted)
    if any(to_charge) or wanted.capture == "manual":
        raise InvalidInput("Charge something, or record what came in: not both.", code="ambiguous", field="received")
    amount, at = _part(invoice, wanted), present(invoice.id)
    try:
        return outside_payments.receive(invoice.id, money.facts(at), at, amount=amount)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, code=refusal.code, field=f"received.{refusal.field}") from None


def _part(invoice: models.Invoice, wanted: InvoicePayment) -> Money | None:
    """The part of what is due that is to be paid; None: all of it. Refused before anything is kept or given up."""
    if wanted.currency not in (None, invoice.currency):
        raise InvalidInput(f"This invoice is in {invoice.currency}.", code="currency_mismatch", field="currency")
    if wanted.amount is None or invoice.status not in ("open", "uncollectible"):
        return None
    return payments.part_of(invoice, Money.parse(wanted.amount, invoice.currency))


def _first_offered(invoice: models.Invoice, gateway: str | None) -> str:
    found = next((one for one in ways.offered(invoice) if gateway in (None, one.gateway)), None)
    if found is None:
        where = gateway or "any gateway"
        raise Conflict(f"Payers cannot finish a payment in {invoice.currency} at {where} now.", code="not_offered")
    return found.id


def options(invoice: models.Invoice) -> PaymentOptions:
    """How an invoice can be paid now; nothing when there is nothing to pay."""
    url = payment_url(invoice)
    return PaymentOptions(
        payment_url=url,
        payment_methods=[_kept(row) for row in methods_of(invoice.customer_id)] if url else [],
        hosted=[_option(account, invoice.currency) for account in ways.offered(invoice)] if url else [],
    )


def _kept(method: models.PaymentMethod) -> KeptOption:
    shown = KeptOption.of(method)
    shown.can_reserve = ways.can_hold(Way(get(models.GatewayAccount, method.gateway_account_id), method))
    return shown


def _option(account: models.GatewayAccount, currency: str) -> HostedOption:
    gateway, has_form = gateway_class(account.gateway), ways.form_of(account) is not None
    return HostedOption(
        gateway_account=account.id,
        gateway=account.gateway,
        title=gateway.title,
        needs_phone=Capability.PHONE in gateway.capabilities,
        keeps_method=has_form or Capability.KEEP in gateway.capabilities,
        has_form=has_form,
        choices=[PaymentChoice(name=one.name, title=one.title) for one in ways.choices(account, currency)],
        reserving=Reserving.at(account.gateway),
    )


def method_for(invoice: models.Invoice, wanted: NewPayment) -> str | None:
    """The method that is meant: the one named, or the token kept as one. None: whatever the invoice is paid with."""
    if wanted.token and wanted.payment_method_id:
        raise InvalidInput("Give a token or a payment method, not both.", code="ambiguous_method", field="token")
    _part(invoice, wanted)
    if wanted.token:
        return (effect(models.PaymentMethod) or _keep(invoice, wanted, wanted.token)).id
    if wanted.payment_gateway:
        _check_gateway(invoice, wanted)
    return wanted.payment_method_id


def _keep(invoice: models.Invoice, wanted: NewPayment, token: str) -> models.PaymentMethod:
    if invoice.status not in ("open", "uncollectible"):
        raise Conflict(f"This invoice is {invoice.status}: there is nothing to pay.", code="not_payable")
    account = gateway_account(wanted.payment_gateway)
    return payment_methods.add(invoice.customer_id, account.id, token, present(invoice.id), default=False)


def _check_gateway(invoice: models.Invoice, wanted: NewPayment) -> None:
    """A gateway named beside a method must be the method's own."""
    if wanted.payment_method_id is None:
        raise InvalidInput("Say what to pay with there: a token, or hosted.", code="missing", field="token")
    account = get(models.GatewayAccount, _method_of(invoice, wanted.payment_method_id).gateway_account_id)
    if account.gateway != wanted.payment_gateway:
        raise InvalidInput(
            f"This payment method belongs to {account.gateway}.", code="gateway_mismatch", field="payment_gateway"
        )


def _method_of(invoice: models.Invoice, method_id: str) -> models.PaymentMethod:
    with refusals.told("payment.refuse", invoice.id, present(invoice.id), method=method_id):
        method = existing(models.PaymentMethod, method_id, "payment_method_id")
        if method.customer_id != invoice.customer_id or method.removed_at:
            raise InvalidInput(
                "This customer has no such payment method.", code="payment_method_unknown", field="payment_method_id"
            )
    return method
