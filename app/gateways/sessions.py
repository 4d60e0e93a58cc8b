"""Sessions of `requests` that last: for plain HTTP, and for the SDKs that stand on it."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests


class LastingSession(requests.Session):
    """Connections that are kept open for all of a process, for all its threads. It remembers no cookies, and reads once
    for an address, not before each request, what the environment says of proxies and authorities."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = _as_it_is
        self._environments: dict[tuple[object, ...], dict[str, Any]] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> dict[str, Any]:
        """What holds for a request to this address, as `requests` itself finds it."""
        asked = (*urlsplit(url)[:2], str(proxies), stream, verify, cert)
        if asked not in self._environments:
            self._environments[asked] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return dict(self._environments[asked])


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Our headers stand: without this, a .netrc file would replace the Authorization in them."""
    return request
