"""The menus: one line for each page that stands in one. A line is shown to whoever may open the page."""

from dataclasses import dataclass

from app.permissions import Permission


@dataclass(frozen=True, slots=True)
class Item:
    """A page in a menu: its words, its endpoint, its icon, the permission that the page
    requires, and the mode in which alone there is something to be seen there."""

    label: str
    endpoint: str
    icon: str
    permission: Permission
    mode: str | None = None

    @property
    def section(self) -> str:
        """All endpoints that begin so belong to this item: `admin.invoices` of `admin.invoices.index`."""
        return self.endpoint.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """Items under a heading; the first group has none."""

    heading: str | None
    items: tuple[Item, ...]


ADMIN: tuple[Group, ...] = (
    Group(None, (Item("Home", "admin.home", "house", Permission.VIEW),)),
    Group(
        "Selling",
        (
            Item("Customers", "admin.customers.index", "people", Permission.VIEW),
            Item("Subscriptions", "admin.subscriptions.index", "arrow-repeat", Permission.VIEW),
            Item("Products", "admin.products.index", "box", Permission.VIEW),
            Item("Plans", "admin.plans.index", "tags", Permission.VIEW),
            Item("Coupons", "admin.coupons.index", "ticket-perforated", Permission.VIEW),
            Item("Meters", "admin.meters.index", "speedometer2", Permission.VIEW),
        ),
    ),
    Group(
        "Money",
        (
            Item("Invoices", "admin.invoices.index", "receipt", Permission.VIEW),
            Item("Credit notes", "admin.credit_notes.index", "receipt-cutoff", Permission.VIEW),
            Item("Payments", "admin.payments.index", "credit-card", Permission.VIEW),
            Item("Deposits", "admin.deposits.index", "currency-exchange", Permission.VIEW),
            Item("Disputes", "admin.disputes.index", "bank", Permission.VIEW),
            Item("Fraud checks", "admin.fraud.index", "shield-exclamation", Permission.VIEW),
            Item("Ledger", "admin.ledger.index", "journal-text", Permission.VIEW),
            Item("Reconciliation", "admin.differences.index", "check2-all", Permission.VIEW),
            Item("Taxes", "admin.taxes.index", "percent", Permission.VIEW),
        ),
    ),
    Group(
        "Engine room",
        (
            Item("Mails", "admin.mails.index", "envelope", Permission.VIEW),
            Item("Webhooks", "admin.webhooks.index", "inbox", Permission.VIEW),
            Item("Tasks", "admin.tasks.index", "list-check", Permission.VIEW),
            Item("Test clocks", "admin.test_clocks.index", "stopwatch", Permission.VIEW, mode="test"),
            Item("Audit log", "admin.audit.index", "clock-history", Permission.VIEW),
        ),
    ),
    Group(
        "Workspace",
        (
            Item("People", "admin.users.index", "person-gear", Permission.VIEW),
            Item("API keys", "admin.api_keys.index", "key", Permission.VIEW),
            Item("Gateway accounts", "admin.gateway_accounts.index", "plug", Permission.VIEW),
            Item("Routing", "admin.routing.index", "signpost-split", Permission.VIEW),
            Item("Settings", "admin.workspace.index", "gear", Permission.VIEW),
        ),
    ),
)
PORTAL: tuple[Group, ...] = (
    Group(
        None,
        (
            Item("Overview", "portal.home", "house", Permission.OWN),
            Item("Subscriptions", "portal.subscriptions.index", "arrow-repeat", Permission.OWN),
            Item("Invoices", "portal.invoices.index", "receipt", Permission.OWN),
            Item("Payment methods", "portal.payment_methods.index", "credit-card", Permission.OWN),
            Item("Billing details", "portal.billing_details.show", "building", Permission.OWN),
        ),
    ),
)

# The page that answers `?q=` over everything; the top bar has a search box once it is named here.
ADMIN_SEARCH: str | None = "admin.search.index"


def is_current(item: Item, endpoint: str | None) -> bool:
    """Whether the page in view belongs to this item: the page itself, or one below it."""
    below = item.section.count(".") and (endpoint or "").startswith(f"{item.section}.")
    return endpoint == item.endpoint or bool(below)
