"""What a process that stays leaves out of Python: OpenSSL, which nothing of it uses.

asyncio imports `ssl`, and hashlib `_hashlib`, where Python was built with OpenSSL; both do without where
it was not. A parent speaks no TLS, and of hashes needs SHA-256, which Python has of its own. libcrypto and
libssl were 4.4 of the 36 MiB of an idle service (docs/decisions/0034-the-weight-of-the-service.md). The
price: Python's own SHA-256 takes 4.3 ms for a MiB, a third of a minute of speech, where OpenSSL's takes 0.8.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

#: Commands that have a child and wait for it; the rest are over soon, or (`models`) load from https.
STAYING: Final = ("narrate", "say", "serve", "demo")

_OPENSSL: Final = ("ssl", "_hashlib")

#: Python's own SHA-256, up to 3.11 and from 3.12 on. Some distributions build Python without it.
_OWN_SHA256: Final = ("_sha256", "_sha2")


def leave_openssl_out() -> None:
    """Import asyncio and hashlib as on a Python without OpenSSL; to be called before anything imports them.

    `ssl` can be imported as ever afterwards, but asyncio does not know it. What is imported already stays,
    and where SHA-256 is OpenSSL's alone, so does OpenSSL.
    """
    if not any(importlib.util.find_spec(name) for name in _OWN_SHA256):
        return
    _import_without(_OPENSSL, "hashlib", "asyncio")


#: What is built upon of uvicorn. Its package's own first lines import its command line, its supervisors and
#: multiprocessing, and one of these asks `ssl` for the value of a constant.
_UVICORN: Final = "uvicorn"
_PARTS: Final = ("uvicorn.lifespan.off", "uvicorn.server", "uvicorn.protocols.http.h11_impl")


class _NoTls(ModuleType):
    """Stands for `ssl` where names of it are only mentioned: each is an exception that nobody raises."""

    def __getattr__(self, name: str) -> type[Exception]:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


def leave_tls_out_of_http() -> None:
    """Import what the HTTP door is made of without OpenSSL; 6 MiB, once `/metrics` was asked for.

    uvicorn, anyio and prometheus_client name `ssl` in places that nothing here comes to; it stays a stand-in
    for the life of the process. To be called before anything imports them; with a uvicorn that is made
    otherwise all is imported as ever.
    """
    _import_without(_OPENSSL, "hmac")
    spec = importlib.util.find_spec(_UVICORN)
    if spec is None or "ssl" in sys.modules or _UVICORN in sys.modules:
        return
    sys.modules["ssl"] = _NoTls("ssl")
    package = sys.modules[_UVICORN] = importlib.util.module_from_spec(spec)  # known, its own lines not run
    try:
        # The one name of the package's own that its parts ask it for, when the first connection comes.
        package.__dict__["Config"] = importlib.import_module("uvicorn.config").Config
        for part in _PARTS:
            importlib.import_module(part)
    except (ImportError, AttributeError, TypeError):
        _forget("ssl", _UVICORN)


def _import_without(names: Sequence[str], *wanted: str) -> None:
    """Import modules as if others could not be; what is there already stays."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType] - Python's sign for what cannot be imported
    try:
        for name in wanted:
            importlib.import_module(name)
    finally:
        for name in hidden:
            del sys.modules[name]


def _forget(*packages: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
