"""Who may ask: nobody without the key, no page of another site, and nobody by a name that is not ours.

A browser lets any page send requests to any address, this machine's too, and tells us where they come
from (`Origin`) and by which name they were sent (`Host`): a page elsewhere that points its own name at this
machine is known by the latter, any other by the former. Pure.
"""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from supervisor.doors.http.refusals import Refusal

#: Answers from this machine without a key, for who looks whether the service lives.
HEALTH = "/health"

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rules of one door.

    Attributes:
        api_key: That must be sent; empty = none.
        hosts: Names that this machine may be called by, beside addresses and `localhost`.
        open_paths: That hold nothing of the service's, and are answered without a key.
        open_below: Likewise all paths that begin so: they carry a ticket.
    """

    api_key: str
    hosts: frozenset[str]
    open_paths: frozenset[str] = frozenset()
    open_below: tuple[str, ...] = ()

    def must_pass(self, path: str, headers: Headers, peer: str | None) -> None:
        """Let a request pass.

        Args:
            path: Of its target.
            headers: With names in lower case.
            peer: Address of who sent it; None = not known.

        Raises:
            Refusal: If it may not.
        """
        found = list(headers)
        host = self._checked_host(found)
        _check_origin(found, host)
        is_open = path in self.open_paths or path.startswith(self.open_below)
        if self.api_key and not is_open and not (path == HEALTH and is_loopback(peer)):
            self._check_key(found)

    def _checked_host(self, headers: Headers) -> str:
        given = _all(headers, b"host")
        if len(given) != 1:
            raise Refusal(400, f"need one Host header, got {len(given)}", code="bad_host")
        name = _name_of(given[0])
        if name is None or not (name == "localhost" or name in self.hosts or _is_address(name)):
            message = f"Host {given[0][:100]!r} is no name of this service; list it in http.hosts if it is"
            raise Refusal(403, message, code="host_not_allowed")
        return given[0].lower()

    def _check_key(self, headers: Headers) -> None:
        given = _keys(headers)
        if not given:
            message = "need a key: send Authorization: Bearer KEY, or X-API-Key: KEY"
            raise Refusal(401, message, code="missing_api_key", headers={"www-authenticate": "Bearer"})
        # Each is compared, and in constant time: how long it takes tells nothing of the key.
        if not all(hmac.compare_digest(key, self.api_key.encode()) for key in given):
            message = "the key is not the one of this service (http.api_key)"
            raise Refusal(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})


def _keys(headers: Headers) -> list[bytes]:
    found = [value.strip() for name, value in headers if name == b"x-api-key"]
    for name, value in headers:
        scheme, _, key = value.strip().partition(b" ")
        if name == b"authorization" and scheme.lower() == b"bearer":
            found.append(key.strip())
        elif name == b"authorization":
            found.append(b"")  # another scheme is no key of ours
    return found


def _check_origin(headers: Headers, host: str) -> None:
    """Refuse what a page of another site sent; programs send no `Origin` at all."""
    for origin in _all(headers, b"origin"):
        scheme, _, rest = origin.lower().partition("://")
        if scheme not in ("http", "https") or rest != host:
            message = f"a page of {origin[:100]!r} may not use this service"
            raise Refusal(403, message, code="origin_not_allowed")
    for site in _all(headers, b"sec-fetch-site"):
        modes = _all(headers, b"sec-fetch-mode")
        if site.lower() in ("cross-site", "same-site") and "navigate" not in modes:
            raise Refusal(403, "a page of another site may not use this service", code="origin_not_allowed")


def is_loopback(peer: str | None) -> bool:
    """Say whether an address is of this machine alone."""
    try:
        address = ipaddress.ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _all(headers: Headers, wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for name, value in headers if name == wanted]


def _name_of(host: str) -> str | None:
    """Return a Host header's name without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    is_whole = not (parts.path or parts.query or parts.fragment or parts.username or "@" in host)
    return parts.hostname if is_whole else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
