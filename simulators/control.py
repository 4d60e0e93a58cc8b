"""The control endpoint, beside the protocol: for harnesses that run in another process, and for trying things out.

GET    /_control/account    what a merchant enters to use this simulator; a webhook address is their own
GET    /_control/books      what was taken: [{"key": …, "ref": …, "units": …, "currency": …, "status": …, …}]
GET    /_control/faults     the kinds of faults, and how many struck           DELETE  nothing fails any more
POST   /_control/faults     {"kind": "drop_after", "on": "POST /v1/refunds", "count": 2}
                            or, at random: {"rate": 0.1, "seed": 7, "kinds": ["drop_after", "half"], "on": "POST "};
                            a "decline" has the gateway's own "code"
PUT    /_control/webhooks   {"url": …, "secret": …, "copies": 2, "late": 1.5, "lose": 0.1}, all but the url optional
GET    /_control/actions    what payers, banks and time can be made to do
POST   /_control/actions    {"do": "settle", "ref": …}
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict

from simulators.calls import Answer, Call, Json
from simulators.faults import Fault, FaultKind
from simulators.frame import Simulator
from simulators.post import Route

PREFIX = "/_control/"


def control(simulator: Simulator, call: Call) -> Answer:
    """Do what the control endpoint is asked. What it does not understand is a 400 with the reason."""
    verb = _VERBS.get(call.line.replace(PREFIX, ""))
    if verb is None:
        return Answer({"error": f"There is no {call.line}.", "known": sorted(_VERBS)}, 404)
    try:
        with simulator.lock:
            return Answer(verb(simulator, call.json))
    except (ValueError, TypeError, KeyError) as error:
        return Answer({"error": str(error)}, 400)


def _account(simulator: Simulator, _wish: Json) -> Json:
    return simulator.account()


def _books(simulator: Simulator, _wish: Json) -> Json:
    return {"taken": [asdict(taken) for taken in simulator.taken()]}


def _fault_kinds(simulator: Simulator, _wish: Json) -> Json:
    return {"kinds": list(FaultKind), "struck": simulator.faults.struck}


def _add_faults(simulator: Simulator, wish: Json) -> Json:
    wish = dict(wish)
    if "rate" in wish:
        on, code = wish.get("on", "POST "), wish.get("code", "")
        faults = [Fault(FaultKind(kind), on=on, code=code) for kind in wish["kinds"]]
        simulator.faults.draw(float(wish["rate"]), int(wish.get("seed", 0)), faults)
        return {}
    count = int(wish.pop("count", 1))
    simulator.faults.add(*[Fault(FaultKind(wish.pop("kind")), **wish)] * count)
    return {}


def _clear_faults(simulator: Simulator, _wish: Json) -> Json:
    simulator.faults.clear()
    return {}


def _route(simulator: Simulator, wish: Json) -> Json:
    simulator.post.route = Route(**wish)
    return {}


def _actions(simulator: Simulator, _wish: Json) -> Json:
    return {name: verb.__doc__ for name, verb in simulator.actions().items()}


def _act(simulator: Simulator, wish: Json) -> Json:
    wish = dict(wish)
    done = simulator.actions()[wish.pop("do")](**wish)
    return {"done": done}


_VERBS: Mapping[str, Callable[[Simulator, Json], Json]] = {
    "GET account": _account,
    "GET books": _books,
    "GET faults": _fault_kinds,
    "POST faults": _add_faults,
    "DELETE faults": _clear_faults,
    "PUT webhooks": _route,
    "GET actions": _actions,
    "POST actions": _act,
}
