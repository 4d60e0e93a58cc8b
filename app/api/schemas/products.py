"""Products on the wire."""

from pydantic import Field

from app.api.schemas.base import UNSET, Answer, Listing, Request
from app.api.schemas.values import Code, LongText, Metadata, ProductId, TaxCategory, Text, Utc


class ProductChanges(Request):
    """What of a product can change; what is left out stays."""

    name: Text = UNSET
    description: LongText = UNSET
    tax_category: TaxCategory = UNSET
    metadata: Metadata = UNSET


class NewProduct(ProductChanges):
    """A product to add. The code is made of the name unless given."""

    name: Text
    code: Code = UNSET


class Product(Answer):
    """Something sold; plans give it prices."""

    id: ProductId
    code: str
    name: str
    description: str
    tax_category: str
    metadata: dict[str, str] = Field(validation_alias="details")
    created_at: Utc
    archived_at: Utc | None


class ProductListing(Listing):
    """Which products."""

    q: str | None = Field(None, max_length=255, description="Part of the name or code.")
    code: str | None = Field(None, max_length=64)
    archived: bool = Field(False, description="Also those that are not sold any more.")
