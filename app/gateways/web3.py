"""Ether and ERC-20 tokens, sent by payers to an address of their own for each attempt (issue 4, Web3).

There is no private key here. Addresses are derived from an account's extended public key, m/…/0/n, n being the
attempt's number. A quote holds the price for some minutes; the payer's wallet reads it out of a link or a QR code
(EIP-681). Nobody tells us that money came, so it is looked for: logs of tokens, and blocks for the chain's own coin.
All calls only read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

from app.domain.errors import InvalidInput
from app.domain.quotes import Asset, Quote, Rate, Received, Standing, Tip, Transfer, received, units_back
from app.gateways.base import Capability, CredentialField, Gateway
from app.gateways.errors import GatewayRefused, GatewayUnavailable
from app.gateways.types import (
    Choice,
    PaymentRef,
    PaymentRequest,
    PaymentResult,
    PaymentStatus,
    Payout,
    QrCode,
    RefundRef,
    RefundRequest,
    RefundResult,
    RefundStatus,
    Sightings,
    Watch,
)
from app.gateways.web3_node import Node, node_at
from app.gateways.web3_rates import RateSource
from app.gateways.web3_terms import CREDIT, Terms, asset_of, checked_address, pinned, rates_of

# In one look; what is beyond is read in the next one. Of whole blocks it takes a call for each.
BLOCKS_AT_ONCE, WHOLE_BLOCKS_AT_ONCE = 5000, 500
NETWORKS: Mapping[int, str] = {  # chainlist.org
    1: "Ethereum",
    10: "OP Mainnet",
    56: "BNB Smart Chain",
    137: "Polygon",
    8453: "Base",
    42161: "Arbitrum One",
    43114: "Avalanche",
    11155111: "Sepolia",
}


class Web3Gateway(Gateway):
    """One account of a wallet on one chain."""

    name = "web3"
    title = "Web3"
    capabilities = (
        Capability.HOSTED
        | Capability.CHOICES
        | Capability.NUMBERED
        | Capability.WATCH
        | Capability.ANY_AMOUNT
        | Capability.VOID
        | Capability.REFUND
        | Capability.PARTIAL_REFUND
        | Capability.MULTI_REFUND
        | Capability.PAYOUT
    )
    credentials = (
        CredentialField(
            "xpub", "Account's public key", help="The extended one, xpub…, of m/44'/60'/0'. Never a private key."
        ),
        CredentialField("rpc_url", "Node", help="The address of a node of the chain, with its key if it needs one."),
        CredentialField(
            "assets",
            "Accepted assets",
            secret=False,
            help="The coin and tokens by their contracts: ETH, USDC=0x…~USD. The part after ~ is what it is pegged to.",
        ),
        CredentialField(
            "rates", "Prices", secret=False, required=False, help="Your own, as ETH/CAD=4200, USDC/CAD=1.37."
        ),
        CredentialField(
            "rates_url",
            "Price service",
            secret=True,
            required=False,
            help="For other pairs: an address with {symbol} and {currency} in it, that answers with JSON.",
        ),
        CredentialField(
            "rates_path",
            "Price in its answer",
            secret=False,
            required=False,
            help="Where it stands: data.amount if empty.",
        ),
        CredentialField(
            "depeg",
            "Off its peg",
            secret=False,
            required=False,
            help="Percent at which a stablecoin is not taken: 1 if empty.",
        ),
        CredentialField(
            "confirmations", "Confirmations", secret=False, required=False, help="A number, or finalized; 12 if empty."
        ),
        CredentialField(
            "minutes", "Price held for", secret=False, required=False, help="10 to 20 minutes; 15 if empty."
        ),
        CredentialField(
            "grace_minutes",
            "Grace",
            secret=False,
            required=False,
            help="Minutes after that in which a block still counts: 10 if empty.",
        ),
        CredentialField(
            "tolerance",
            "Underpaid by",
            secret=False,
            required=False,
            help="Percent that is forgiven: 0 if empty, at most 5.",
        ),
        CredentialField(
            "late",
            "Late money",
            secret=False,
            required=False,
            help="review if empty; credit makes it the customer's balance at the price of that moment.",
        ),
        CredentialField(
            "chain_id", "Chain", secret=False, required=False, help="Filled in by the first connection test."
        ),
    )

    @classmethod
    def check_entered(cls, credentials: Mapping[str, str]) -> None:
        """Raises InvalidInput for a private key, and for whatever else cannot be used."""
        Terms.read(credentials)
        rates_of(credentials, timeout=1)

    def completed_credentials(self) -> Mapping[str, str]:
        """With the chain's id and each token's decimals, read once and kept from then on."""
        entries = tuple(
            pinned(entry, self._node.decimals(entry.contract)) if entry.contract else entry
            for entry in self.terms.entries
        )
        return {
            **self.secrets,
            "chain_id": str(self._chain_id()),
            "assets": self.terms.with_entries(entries),
        }

    def check_credentials(self) -> None:
        """Raises GatewayRefused when the node does not let us in, is of another chain, or a token has changed."""
        self.completed_credentials()

    def choices(self, currency: str) -> Sequence[Choice]:
        """The assets of the allow-list, by symbol."""
        network = _network(self.terms.chain_id)
        return [Choice(entry.symbol, f"{entry.symbol} on {network}") for entry in self.terms.entries]

    def create_payment(self, request: PaymentRequest) -> PaymentResult:
        """Hold a price at an address of this attempt alone, and show it."""
        if request.number is None:
            raise GatewayRefused("An attempt needs a number of its own: its address comes from it.")
        quote = self._quote(request, request.number)
        return self.judge(quote, [], Tip(quote.from_block, quote.from_block, quote.expires_at))

    def fetch_payment(self, ref: PaymentRef) -> PaymentResult | None:
        """By reading the chain since the quote. Without a quote nobody was ever shown the address."""
        self._chain_id()
        if ref.quote is None:
            return None
        sightings = self._read_all(ref.quote)
        return self.judge(ref.quote, sightings.transfers, sightings.tip)

    def void(self, ref: PaymentRef) -> PaymentResult:
        """Stop waiting. Nobody can keep money from coming to an address, so it is still looked for afterwards.

        A payment of which anything was seen stays as it is.
        """
        found = self.fetch_payment(ref)
        if found is None or (found.status is PaymentStatus.REQUIRES_ACTION and not _has_part(found)):
            return PaymentResult(PaymentStatus.CANCELED, ref.gateway_ref, quote=ref.quote)
        return found

    def refund(self, request: RefundRequest) -> RefundResult:
        """Ask for a payout, at the price that was paid: nothing can be signed here."""
        quote = request.payment.quote
        if quote is None:
            raise GatewayRefused("Nobody knows what was paid: there is no price for this payment.")
        raw = units_back(quote, request.amount)
        network = _network(quote.asset.chain_id)
        step = Payout(quote.asset.chain_id, quote.asset.contract, str(raw), quote.asset.text(raw), network)
        return RefundResult(RefundStatus.PENDING, next_step=step)

    def fetch_refund(self, ref: RefundRef) -> RefundResult | None:
        """Whether the transaction that a person entered sends exactly this, and is there for good."""
        self._chain_id()
        if not isinstance(ref.next_step, Payout):
            return None
        return self._paid_out(ref.next_step) if ref.next_step.tx_hash else _still(ref.next_step)

    def addressed(self, payout: Payout, address: str) -> Payout:
        """With its link for wallets."""
        to = checked_address(address)
        if to == payout.contract:
            raise InvalidInput("That is the token's own address: what is sent there is lost.", field="address")
        asset = Asset(payout.chain_id, "", 0, payout.contract)
        return replace(payout, address=to, uri=payment_link(asset, to, int(payout.raw)))

    def watch(self, request: Watch) -> Sightings:
        """Read the chain on from the last look. Tokens are read again as deep as the chain may turn; blocks, which are
        much to read, only when it has turned."""
        self._chain_id()
        head, depth = self._node.head(), self.terms.depth
        turned = bool(request.last_hash) and self._node.block_hash(request.last) != request.last_hash
        until = min(head, request.last + (WHOLE_BLOCKS_AT_ONCE if request.coin_addresses else BLOCKS_AT_ONCE))
        first = max(0, min(request.last, until) - depth + 1)
        coin_first = first if turned else request.last + 1
        before = self._node.block_hash(until)
        transfers = self._node.token_transfers(first, until, request.addresses)
        if request.coin_addresses:
            transfers += self._node.coin_transfers(coin_first, until, request.coin_addresses)
        tip = self._tip(head, until)
        if before is None or self._node.block_hash(until) != before:
            raise GatewayUnavailable("The chain turned while it was read.")
        return Sightings(transfers, tip, before, first, coin_first, behind=until < head)

    def judge(self, quote: Quote, transfers: Sequence[Transfer], tip: Tip) -> PaymentResult:
        """How a payment stands by the money at its address. What is over is in the amount, at the rate of the quote."""
        found = received(quote, transfers, tip)
        status = _STATUSES[found.standing]
        waits, has_ended_paid = status is PaymentStatus.REQUIRES_ACTION, status is PaymentStatus.SUCCEEDED
        return PaymentResult(
            status,
            quote.address,
            amount=quote.worth(found.final) if has_ended_paid else None,
            next_action=_code(quote, found) if waits else None,
            to_balance=found.standing is Standing.UNDERPAID,
            quote=quote,
        )

    def accepted(self, contract: str) -> Asset | None:
        """By its contract alone, never by a symbol that a token gives itself."""
        entry = next((entry for entry in self.terms.entries if entry.contract == contract), None)
        return asset_of(entry, self.terms.chain_id or 0) if entry else None

    @property
    def credits_late(self) -> bool:  # type: ignore[override]
        """What the tenant has chosen."""
        return self.terms.late == CREDIT

    def rate(self, asset: Asset, currency: str) -> Rate:
        """What the asset costs now, from the tenant's table or price service."""
        try:
            found = self._rates.rate(asset.symbol, currency)
        except InvalidInput as fault:
            raise GatewayRefused(fault.message) from None
        if found is None:
            raise GatewayRefused(f"Nobody says what {asset.symbol} costs in {currency}: enter a price for it.")
        return found

    @cached_property
    def terms(self) -> Terms:
        """The account as it was entered."""
        try:
            return Terms.read(self.secrets)
        except InvalidInput as fault:
            raise GatewayRefused(fault.message) from None

    # The chain

    @property
    def _node(self) -> Node:
        return node_at(self.terms.rpc_url, self.timeout)

    @property
    def _rates(self) -> RateSource:
        return rates_of(self.secrets, self.timeout)

    def _chain_id(self) -> int:
        """The chain of the node. Raises GatewayRefused when it is another one than this account was set up for."""
        found = self._node.chain_id()
        if self.terms.chain_id not in (None, found):
            raise GatewayRefused(f"The node is of {_network(found)}, this account of {_network(self.terms.chain_id)}.")
        return found

    def _tip(self, head: int, until: int) -> Tip:
        confirmations = self.terms.confirmations
        final = self._node.finalized() if confirmations is None else head - confirmations + 1
        final = max(0, min(final, until))
        return Tip(until, final, self._node.block_time(final))

    def _paid_out(self, step: Payout) -> RefundResult:
        receipt = self._node.receipt(step.tx_hash)
        if receipt is None:
            return _still(step, "The transaction is in no block yet.")
        wanted = (step.contract, step.address, int(step.raw))
        sent = [one for one in self._node.sent_by(step.tx_hash) if (one.contract, one.address, one.raw) == wanted]
        if not sent:
            return _still(replace(step, tx_hash=""), "That transaction does not send this: enter the one that does.")
        head = self._node.head()
        if sent[0].block > self._tip(head, head).final:
            return _still(step, "The transaction is not confirmed yet.")
        return RefundResult(RefundStatus.SUCCEEDED, step.tx_hash)

    def _read_all(self, quote: Quote) -> Sightings:
        """All that came to a quote's address since."""
        coin = [] if quote.asset.contract else [quote.address]
        found: list[Transfer] = []
        look = self.watch(Watch([quote.address], coin, quote.from_block - 1))
        while look.behind:
            found += look.transfers
            look = self.watch(Watch([quote.address], coin, look.tip.head, look.last_hash))
        every = {one.place: one for one in [*found, *look.transfers]}
        return Sightings(list(every.values()), look.tip, look.last_hash, look.first, look.coin_first, behind=False)

    # Quotes

    def _quote(self, request: PaymentRequest, number: int) -> Quote:
        asset, amount = self._asset(request.choice), request.amount
        rate = self.rate(asset, amount.currency)
        raw = rate.raw_for(amount, asset.decimals)
        expires_at = datetime.now(UTC).replace(microsecond=0) + self.terms.held_for
        return Quote(
            asset=asset,
            address=self.terms.address(number),
            amount=amount,
            raw=raw,
            least=math.ceil(raw * (1 - self.terms.tolerance / Decimal(100))),
            rate=rate,
            expires_at=expires_at,
            closes_at=expires_at + self.terms.grace,
            from_block=self._node.head(),
        )

    def _asset(self, symbol: str) -> Asset:
        entry = self.terms.entry(symbol)
        if entry.contract and entry.decimals is None:
            entry = pinned(entry, self._node.decimals(entry.contract))
        return asset_of(entry, self._chain_id())


_STATUSES: Mapping[Standing, PaymentStatus] = {
    Standing.WAITING: PaymentStatus.REQUIRES_ACTION,
    Standing.PARTIAL: PaymentStatus.REQUIRES_ACTION,
    Standing.CONFIRMING: PaymentStatus.PENDING,
    Standing.PAID: PaymentStatus.SUCCEEDED,
    Standing.UNDERPAID: PaymentStatus.SUCCEEDED,
    Standing.EXPIRED: PaymentStatus.CANCELED,
}


def payment_link(asset: Asset, address: str, raw: int) -> str:
    """The link that wallets open, for a coin or a token (eips.ethereum.org/EIPS/eip-681).

    `ethereum:0xf39F…@1?value=2500000000000000`, `ethereum:0xA0b8…@1/transfer?address=0xf39F…&uint256=7299271`.
    """
    if asset.contract:
        return f"ethereum:{asset.contract}@{asset.chain_id}/transfer?address={address}&uint256={raw}"
    return f"ethereum:{address}@{asset.chain_id}?value={raw}"


def _code(quote: Quote, found: Received) -> QrCode:
    """What is still to be sent: after a part, the rest."""
    asset, left = quote.asset, quote.raw - found.seen
    return QrCode(
        payment_link(asset, quote.address, left),
        asset.text(left),
        quote.expires_at,
        address=quote.address,
        network=_network(asset.chain_id),
        received_text=asset.text(found.seen) if found.seen else "",
    )


def _still(step: Payout, message: str = "") -> RefundResult:
    return RefundResult(RefundStatus.PENDING, message=message, next_step=step)


def _has_part(result: PaymentResult) -> bool:
    return isinstance(result.next_action, QrCode) and bool(result.next_action.received_text)


def _network(chain_id: int | None) -> str:
    return NETWORKS.get(chain_id or 0, f"chain {chain_id}" if chain_id else "its chain")
