"""What a process that stays leaves out of Python: OpenSSL, which nothing of it uses.

asyncio imports `ssl`, and hashlib `_hashlib`, where Python was built with OpenSSL; both do without where
it was not. A parent speaks no TLS, and of hashes needs SHA-256, which Python has of its own. libcrypto and
libssl were 4.4 of the 36 MiB of an idle service (docs/decisions/0034-the-weight-of-the-service.md). The
price: Python's own SHA-256 takes 4.3 ms for a MiB, a third of a minute of speech, where OpenSSL's takes 0.8.
"""

import importlib
import importlib.util
import sys
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
    hidden = [name for name in _OPENSSL if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType] - Python's sign for what cannot be imported
    try:
        importlib.import_module("hashlib")
        importlib.import_module("asyncio")
    finally:
        for name in hidden:
            del sys.modules[name]
