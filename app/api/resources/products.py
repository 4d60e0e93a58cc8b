"""Products."""

from http import HTTPStatus

from app import models
from app.api.blueprint import v1
from app.api.codes import code_from
from app.api.operations import reads, writes
from app.api.schemas.base import Page, page_of
from app.api.schemas.products import NewProduct, Product, ProductChanges, ProductListing
from app.clock import now
from app.permissions import Permission
from app.queries import lists
from app.queries.base import get
from app.services import catalog


@v1.get("/products")
@reads(Page[Product])
def list_products(query: ProductListing) -> Page[Product]:
    """List products, the newest first."""
    return page_of(lists.products(query.filters, cursor=query.cursor, limit=query.limit), Product.of)


@v1.post("/products")
@writes(Product, Permission.SELL, HTTPStatus.CREATED)
def add_product(json: NewProduct) -> Product:
    """Add a product."""
    values = {"code": json.code or code_from(json.name), **json.given()}
    return Product.of(catalog.create_product(values, now()))


@v1.get("/products/<product_id>")
@reads(Product)
def show_product(product_id: str) -> Product:
    """Show a product."""
    return Product.of(get(models.Product, product_id))


@v1.patch("/products/<product_id>")
@writes(Product, Permission.SELL)
def change_product(product_id: str, json: ProductChanges) -> Product:
    """Change a product."""
    return Product.of(catalog.update_product(product_id, json.given(), now()))
