"""Plans."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.codes import code_from
from app.api.operations import reads, writes
from app.api.references import existing
from app.api.schemas.base import Page, page_of
from app.api.schemas.plans import NewPlan, Plan, PlanChanges, PlanListing
from app.clock import now
from app.domain.errors import Conflict, InvalidInput
from app.permissions import Permission
from app.queries import lists
from app.queries.base import get
from app.services import catalog


@v1.get("/plans")
@reads(Page[Plan])
def list_plans(query: PlanListing) -> Page[Plan]:
    """List plans, the newest first."""
    return page_of(lists.plans(query.filters, cursor=query.cursor, limit=query.limit), Plan.of)


@v1.post("/plans")
@writes(Plan, Permission.SELL, HTTPStatus.CREATED)
def add_plan(json: NewPlan) -> Plan:
    """Add a plan to a product."""
    values = json.priced(json.currency)
    if "price" not in values:
        raise InvalidInput("A plan needs an amount or a price.", code="missing", field="amount")
    product = existing(models.Product, values.pop("product"), "product")
    code = values.pop("code", None) or code_from(json.name)
    _refuse_taken(code)
    return Plan.of(catalog.create_plan({**values, "product_id": product.id, "code": code}, now()))


@v1.get("/plans/<plan_id>")
@reads(Plan)
def show_plan(plan_id: str) -> Plan:
    """Show a plan."""
    return Plan.of(get(models.Plan, plan_id))


@v1.patch("/plans/<plan_id>")
@writes(Plan, Permission.SELL)
def change_plan(plan_id: str, json: PlanChanges) -> Plan:
    """Change a plan.

    Another price or rhythm makes a new version with an id of its own, and that is the answer; the old one is archived
    and keeps its subscribers.
    """
    currency = json.currency or get(models.Plan, plan_id).currency
    return Plan.of(catalog.update_plan(plan_id, json.priced(currency), now()))


def _refuse_taken(code: str) -> None:
    """Without this a plan of the same code would become a new version of the first one by accident."""
    if lists.plans({"code": code, "archived": "yes"}, limit=1).items:
        raise Conflict(
            f"There is a plan with the code “{code}”: change that one, or give another code.",
            code="code_taken",
            field="code",
        )
