"""Tables."""

from app.models.api_keys import ApiKey, IdempotencyKey
from app.models.balances import BalanceMove
from app.models.catalog import Charge, Plan, Product
from app.models.coupons import Coupon, Redemption
from app.models.credit_notes import CreditNote, CreditNoteLine
from app.models.customers import Customer, PaymentMethod
from app.models.deposits import ChainCursor, Deposit, PaymentQuote
from app.models.disputes import Dispute
from app.models.documents import Document, Mail
from app.models.events import AuditEntry, Event, StatusChange, Task
from app.models.fraud import FraudEntry, FraudReview, FraudRule
from app.models.inbox import InboxNotice
from app.models.invoice_items import InvoiceItem
from app.models.invoices import Invoice, InvoiceLine
from app.models.ledger import JournalEntry, LedgerAccount, Posting
from app.models.metered_periods import MeteredPeriod
from app.models.payments import GatewayAccount, Payment, Refund
from app.models.people import LoginSession, PasswordReset, SignInCode, User
from app.models.reconciliation import Difference, Reconciliation
from app.models.routing import RoutingRule
from app.models.subscriptions import Subscription
from app.models.taxes import TaxRate, TaxRegistration
from app.models.tenants import NumberSequence, Tenant
from app.models.test_clocks import TestClock
from app.models.usage import Meter, UsageEvent
from app.models.usage_alerts import UsageAlert, UsageCheck, UsageCrossing

__all__ = [
    "ApiKey",
    "AuditEntry",
    "BalanceMove",
    "ChainCursor",
    "Charge",
    "Coupon",
    "CreditNote",
    "CreditNoteLine",
    "Customer",
    "Deposit",
    "Difference",
    "Dispute",
    "Document",
    "Event",
    "FraudEntry",
    "FraudReview",
    "FraudRule",
    "GatewayAccount",
    "IdempotencyKey",
    "InboxNotice",
    "Invoice",
    "InvoiceItem",
    "InvoiceLine",
    "JournalEntry",
    "LedgerAccount",
    "LoginSession",
    "Mail",
    "Meter",
    "MeteredPeriod",
    "NumberSequence",
    "PasswordReset",
    "Payment",
    "PaymentMethod",
    "PaymentQuote",
    "Plan",
    "Posting",
    "Product",
    "Reconciliation",
    "Redemption",
    "Refund",
    "RoutingRule",
    "SignInCode",
    "StatusChange",
    "Subscription",
    "Task",
    "TaxRate",
    "TaxRegistration",
    "Tenant",
    "TestClock",
    "UsageAlert",
    "UsageCheck",
    "UsageCrossing",
    "UsageEvent",
    "User",
]
