"""Customers."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.customers import Customer, CustomerChanges, CustomerListing, NewCustomer
from app.clock import now
from app.permissions import Permission
from app.present import present
from app.queries import lists
from app.queries.base import get
from app.services import customers


@v1.get("/customers")
@reads(Page[Customer])
def list_customers(query: CustomerListing) -> Page[Customer]:
    """List customers, the newest first."""
    return page_of(lists.customers(query.filters, cursor=query.cursor, limit=query.limit), Customer.of)


@v1.post("/customers")
@writes(Customer, Permission.SELL, HTTPStatus.CREATED)
def add_customer(json: NewCustomer) -> Customer:
    """Add a customer."""
    if json.test_clock:
        existing(models.TestClock, json.test_clock, "test_clock")
    return Customer.of(customers.create(json.given(), now()))


@v1.get("/customers/<customer_id>")
@reads(Customer)
def show_customer(customer_id: str) -> Customer:
    """Show a customer."""
    return Customer.of(get(models.Customer, customer_id))


@v1.patch("/customers/<customer_id>")
@writes(Customer, Permission.SELL)
def change_customer(customer_id: str, json: CustomerChanges) -> Customer:
    """Change a customer."""
    return Customer.of(customers.update(customer_id, json.given(), present(customer_id)))


@v1.delete("/customers/<customer_id>")
@writes(None, Permission.SELL, HTTPStatus.NO_CONTENT)
def forget_customer(customer_id: str) -> None:
    """Anonymise a customer.

    The books keep their sums, and nothing says any more whose they were. Issued invoices stay as they are.
    """
    customers.forget(customer_id, present(customer_id))
