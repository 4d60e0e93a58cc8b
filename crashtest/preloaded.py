"""What every errand needs, imported once in the process that errands are forked from: gateways' SDKs take a second."""

from app.gateways import REGISTRY, gateway_class
from crashtest import acts

GATEWAYS = [gateway_class(name) for name in REGISTRY]
ACTS = acts.__name__
