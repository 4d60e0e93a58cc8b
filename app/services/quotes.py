"""The price held for an attempt on a chain, written down once."""

from datetime import datetime, timedelta

from app.domain.quotes import Quote
from app.models import Payment, PaymentQuote
from app.queries.deposits import quote_of
from app.services.bulk import insert

WATCHED_AFTER = timedelta(days=30)  # payers send to old addresses, too


def keep(payment: Payment, quote: Quote, at: datetime) -> None:
    """Keep what the payer was told. A payment has one price, so what comes later changes nothing."""
    if quote_of(payment.id):
        return
    asset, rate = quote.asset, quote.rate
    insert(
        PaymentQuote(
            payment_id=payment.id,
            gateway_account_id=payment.gateway_account_id,
            chain_id=asset.chain_id,
            symbol=asset.symbol,
            decimals=asset.decimals,
            contract=asset.contract,
            address=quote.address,
            currency=quote.amount.currency,
            amount_minor=quote.amount.minor,
            raw=quote.raw,
            least=quote.least,
            rate=rate.value,
            rate_source=rate.source,
            from_block=quote.from_block,
            expires_at=quote.expires_at,
            closes_at=quote.closes_at,
            watched_until=quote.closes_at + WATCHED_AFTER,
            created_at=at,
        )
    )
