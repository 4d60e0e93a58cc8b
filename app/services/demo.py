"""Demo data: a small Canadian seller with a few customers, so that the first look is not at empty pages.

Everything goes through the same services as the real thing, in order over the past months, and the sandbox gateway
charges nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.db import all_tenants, session, tenant_scope, transaction
from app.domain.money import Money
from app.domain.outside_payments import Received
from app.domain.tax_tables.canada import RATES
from app.models import Customer, Invoice, Tenant
from app.queries.due import next_instant
from app.services import (
    api_keys,
    catalog,
    customers,
    gateway_accounts,
    outside_payments,
    payment_methods,
    subscriptions,
    tenants,
    users,
)
from app.settings import current_settings

SLUG = "maple-software"
PAST_DAYS = 100
PASSWORD = "quittance-demo"  # noqa: S105 - printed at start, for the demo tenant only


@dataclass(frozen=True, slots=True)
class Login:
    """A demo user, for printing."""

    role: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """How to get in: the logins and an API key, which is shown this once."""

    logins: tuple[Login, ...]
    api_key: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A demo customer and what they bought: `days` after the beginning, paid with a sandbox token."""

    name: str
    email: str
    external_id: str
    region: str
    city: str
    postal_code: str
    plan: str
    days: int
    token: str | None = "tok_ok"  # noqa: S105 - a documented sandbox token
    quantity: int = 1


TENANT = {
    "slug": SLUG,
    "name": "Maple Software",
    "legal_name": "Maple Software Inc.",
    "email": "billing@maple.example",
    "currency": "CAD",
    "timezone": "America/Toronto",
    "locale": "en_CA",
    "address": {
        "line1": "100 King Street West",
        "city": "Toronto",
        "region": "ON",
        "postal_code": "M5X 1A9",
        "country": "CA",
    },
}
LOGINS = (
    ("owner", "admin@maple.example", "Alex Admin"),
    ("billing_viewer", "viewer@maple.example", "Vera Viewer"),
)
PRODUCTS = (("notes", "Maple Notes", "Notes for teams"), ("forms", "Maple Forms", "Forms that people fill in"))
# code, product, name, amount, interval, trial days
PLANS = (
    ("notes-team", "notes", "Notes Team", "29.00", "month", 0),
    ("notes-business", "notes", "Notes Business", "99.00", "month", 14),
    ("notes-yearly", "notes", "Notes Yearly", "290.00", "year", 0),
    ("forms-basic", "forms", "Forms Basic", "12.50", "month", 0),
)
SALES = (
    Sale("Aurora Design Ltd", "pay@aurora.example", "crm-1001", "ON", "Ottawa", "K1P 1J1", "notes-team", 0, quantity=4),
    Sale("Boreal Books", "books@boreal.example", "crm-1002", "QC", "Montréal", "H3B 1A7", "forms-basic", 9),
    Sale("Cedar Clinics", "office@cedar.example", "crm-1003", "BC", "Vancouver", "V6B 1A1", "notes-business", 16),
    Sale(
        "Dufferin Dental", "desk@dufferin.example", "crm-1004", "ON", "Toronto", "M6H 4A1", "notes-team", 30, quantity=2
    ),
    Sale(
        "Eastgate Energy", "ap@eastgate.example", "crm-1005", "NS", "Halifax", "B3J 1S9", "notes-yearly", 41, quantity=3
    ),
    Sale("Foxglove Farm", "farm@foxglove.example", "crm-1006", "ON", "Guelph", "N1H 3A1", "forms-basic", 63),
    Sale("Glenora Gyms", "ops@glenora.example", "crm-1007", "AB", "Edmonton", "T5J 0K1", "notes-team", 75, quantity=6),
    Sale(
        "Harbour Hotels",
        "front@harbour.example",
        "crm-1008",
        "BC",
        "Victoria",
        "V8W 1P6",
        "notes-business",
        83,
        token="tok_soft_decline",  # noqa: S106 - a documented sandbox token
    ),
    Sale(
        "Indigo Imports",
        "buy@indigo.example",
        "crm-1009",
        "ON",
        "London",
        "N6A 1A1",
        "forms-basic",
        97,
        "tok_hard_decline",
    ),
    Sale("Juniper Jewels", "hello@juniper.example", "crm-1010", "MB", "Winnipeg", "R3C 0A5", "notes-business", 92),
)

# The card of Harbour Hotels is declined, and a cheque paid a part meanwhile: external id, amount, reference.
IN_PART = ("crm-1008", "50.00", "Cheque no. 1042")


def exists() -> bool:
    """Whether there is any tenant at all."""
    with all_tenants():
        return session().scalar(select(Tenant.id).limit(1)) is not None


def seed(at: datetime, run_due: Callable[[datetime], int]) -> DemoAccess | None:
    """Fill an empty database; None when it is not empty. `run_due` does what is due at an instant, like the schedule.

    Opens its own transactions. The story begins PAST_DAYS before `at` and is lived through in order.
    """
    if exists():
        return None
    begin = at - timedelta(days=PAST_DAYS)
    tenant_id = tenants.create(TENANT, RATES, begin)
    with tenant_scope(tenant_id):
        shop = _open_shop(begin)
        for sale in sorted(SALES, key=lambda sale: sale.days):
            day = begin + timedelta(days=sale.days)
            live_until(day, run_due)
            _sell(sale, shop, day)
            run_due(day)
        live_until(at, run_due)
        _receive(IN_PART, at)
        return _let_people_in(at)


def live_until(at: datetime, run_due: Callable[[datetime], int]) -> None:
    """Do everything that falls due by itself up to `at`, each at its own instant."""
    last = None
    while (due := next_instant(at)) and due != last:
        run_due(due)
        last = due


@dataclass(frozen=True, slots=True)
class Shop:
    """What sales need: the sandbox account and the plans by code."""

    account_id: str
    plans: dict[str, str]


def _open_shop(at: datetime) -> Shop:
    with transaction():
        tenants.register_for_tax("CA", None, "gst_hst", "826393555RT0001", at)
        page = f"{current_settings().base_url}/sandbox-bank"
        account = gateway_accounts.create("Sandbox", "sandbox", {"api_key": "sandbox_demo", "page_url": page}, at)
        products = {
            code: catalog.create_product({"code": code, "name": name, "description": text}, at).id
            for code, name, text in PRODUCTS
        }
        return Shop(account.id, {plan[0]: _add_plan(plan, products, at) for plan in PLANS})


def _add_plan(plan: tuple[str, str, str, str, str, int], products: dict[str, str], at: datetime) -> str:
    code, product, name, amount, interval, trial_days = plan
    values = {
        "product_id": products[product],
        "code": code,
        "name": name,
        "currency": "CAD",
        "price": {"model": "standard", "unit_amount": amount},
        "interval": interval,
        "interval_count": 1,
        "trial_days": trial_days,
    }
    return catalog.create_plan(values, at).id


def _sell(sale: Sale, shop: Shop, at: datetime) -> None:
    address = {
        "line1": "1 Main Street",
        "city": sale.city,
        "region": sale.region,
        "postal_code": sale.postal_code,
        "country": "CA",
    }
    with transaction():
        values = {"name": sale.name, "email": sale.email, "external_id": sale.external_id, "address": address}
        customer_id = customers.create(values, at).id
    if sale.token:
        payment_methods.add(customer_id, shop.account_id, sale.token, at)
    with transaction():
        subscriptions.create(customer_id, shop.plans[sale.plan], at, quantity=sale.quantity)


def _receive(part: tuple[str, str, str], at: datetime) -> None:
    external_id, amount, reference = part
    owed = select(Invoice).join(Invoice.customer).where(Customer.external_id == external_id, Invoice.status == "open")
    invoice = session().scalars(owed.order_by(Invoice.id).limit(1)).one()
    received = Received("cheque", at - timedelta(days=1), reference)
    outside_payments.receive(invoice.id, received, at, amount=Money.parse(amount, invoice.currency))


def _let_people_in(at: datetime) -> DemoAccess:
    with transaction():
        first = SALES[0]
        customer = session().scalars(select(Customer).where(Customer.external_id == first.external_id)).one()
        for role, email, name in LOGINS:
            users.create(email, name, role, at, password=PASSWORD)
        users.create(first.email, first.name, "customer", at, password=PASSWORD, customer_id=customer.id)
        _, secret = api_keys.create("Demo application", ["read", "write", "admin"], at)
    logins = [*((role, email) for role, email, _ in LOGINS), ("customer", first.email)]
    return DemoAccess(tuple(Login(role, email, PASSWORD) for role, email in logins), secret)
