"""Where the door listens: sockets of its own, bound before anything else is started."""

import errno
import os
import socket
from typing import Final

from supervisor.config import HttpConfig
from supervisor.doors.http.guard import is_loopback
from supervisor.errors import ConfigError, TryLater, UsageError

#: Connections that wait to be taken, as uvicorn has it.
_BACKLOG: Final = 2048
_MOST_PORT: Final = 65535
_LATER: Final = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def listening(text: str, config: HttpConfig) -> list[socket.socket]:
    """Listen on what `--http` names: one socket for each address that it stands for.

    Args:
        text: `HOST:PORT`, `[::1]:PORT` for an address of IPv6; port 0 = any that is free.
        config: Says whether there is a key.

    Raises:
        UsageError: If it is no address, or may not be listened on.
        ConfigError: If others than this machine could reach it, and there is no key.
        TryLater: If another program listens there.
    """
    host, port = parts_of(text)
    addresses = _resolved(text, host, port)
    strange = [address for address in addresses if not is_loopback(address)]
    if strange and not config.api_key:
        raise ConfigError(
            f"http.api_key: is empty, and --http {text} can be reached from other machines ({strange[0]}); "
            "set TTS_SUPERVISOR_HTTP__API_KEY in the environment or http.api_key_file, or listen on 127.0.0.1"
        )
    return _bound(text, addresses, port)


def parts_of(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`.

    Raises:
        UsageError: If it is none.
    """
    host, colon, number = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if is_bracketed else host
    is_port = number.isascii() and number.isdigit() and int(number[:6]) <= _MOST_PORT
    if not colon or not name or not is_port or (":" in name and not is_bracketed):
        raise UsageError(f"--http {text}: need HOST:PORT, as in 127.0.0.1:8000 or [::1]:8000")
    return name, int(number)


def _resolved(text: str, host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--http {text}: {host} is no address and no known name ({why})") from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _bound(text: str, addresses: list[str], port: int) -> list[socket.socket]:
    """Bind all of them; with port 0 the others take the port that the first was given."""
    bound: list[socket.socket] = []
    failed: OSError | None = None
    for address in addresses:
        try:
            one = _listen(address, bound[0].getsockname()[1] if bound else port)
        except OSError as error:
            failed = failed or error
            # A name may stand for addresses of a protocol that this machine has not.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(addresses) > 1:
                continue
            break
        bound.append(one)
    if bound and (failed is None or failed.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
        return bound
    for one in bound:
        one.close()
    assert failed is not None  # no address is no answer of getaddrinfo
    raise _cannot(text, failed) from failed


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # An address of IPv4 has a socket of its own where it is meant.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _cannot(text: str, error: OSError) -> TryLater | UsageError:
    why = os.strerror(error.errno or 0)
    if error.errno in _LATER:
        return TryLater(f"--http {text}: cannot listen there ({why}); end what does, or choose another port")
    return UsageError(f"--http {text}: may not listen there ({why}); choose a port above 1023")


def url_of(sock: socket.socket) -> str:
    """Return what a client on this machine writes."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
