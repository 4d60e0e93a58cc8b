"""What processes need, imported once in the one that they are forked off: gateways' SDKs take a second."""

from app.gateways import REGISTRY, gateway_class
from app.jobs import worker
from app.server import serve
from crashtest import acts

GATEWAYS = [gateway_class(name) for name in REGISTRY]
NEEDED = (acts.work, worker.work, serve)
