"""A process that stays has no OpenSSL in it, hashes as ever, and can load it all the same."""

import subprocess
import sys

from tests.tree import ROOT

BEGIN = """
import sys
from supervisor.cli.lean import leave_openssl_out, leave_tls_out_of_http
"""

SEEN = """
loaded = open("/proc/self/maps").read()
print(*(name for name in ("libcrypto", "libssl") if name in loaded))
print(*(name for name in ("asyncio", "hashlib", "ssl", "_ssl", "_hashlib") if name in sys.modules))
"""


def told(code: str) -> list[str]:
    """What a fresh interpreter says."""
    seen = subprocess.run(
        [sys.executable, "-c", BEGIN + code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return seen.stdout.splitlines()


def test_openssl_is_left_out_of_asyncio_and_of_hashing() -> None:
    assert told("leave_openssl_out()" + SEEN) == ["", "asyncio hashlib"]


def test_the_hash_is_the_same_and_ssl_can_be_imported_afterwards() -> None:
    (digest, context) = told(
        "leave_openssl_out()\nimport hashlib, ssl\n"
        "print(hashlib.sha256(b'abc').hexdigest())\nprint(ssl.create_default_context().check_hostname)"
    )
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert context == "True"


def test_what_is_imported_already_stays() -> None:
    code = "import asyncio, hashlib, ssl\nleave_openssl_out()\nprint(asyncio.sslproto.ssl is ssl)"
    assert told(f"{code}\nprint(sys.modules['_hashlib'] is not None)") == ["True", "True"]


def test_where_python_has_no_sha256_of_its_own_openssl_stays() -> None:
    # As Fedora builds it: the only SHA-256 is OpenSSL's.
    code = "import supervisor.cli.lean as lean\nlean._OWN_SHA256 = ('_no_such_module',)\nleave_openssl_out()"
    assert told(f"{code}\nprint('hashlib' in sys.modules)") == ["False"]


def test_the_commands_that_stay_import_nothing_of_openssl() -> None:
    code = (
        "leave_openssl_out()\n"
        "import supervisor.cli.serve, supervisor.cli.narrate, supervisor.cli.say\n"
        "import supervisor.loop.serve, supervisor.loop.job\n"
        "import supervisor.doors.control, supervisor.doors.offer, supervisor.doors.stdio\n"
        "import supervisor.doors.mcp"
    )
    (libraries, modules) = told(code + SEEN)
    assert libraries == ""
    assert modules == "asyncio hashlib"


def test_before_its_command_is_known_the_program_has_imported_neither() -> None:
    code = "import supervisor.__main__, supervisor.cli.run\nsupervisor.cli.run.parse(['serve'])"
    assert told(code + SEEN) == ["", ""]


DOOR = """
import supervisor.doors.http.address, supervisor.doors.http.server, supervisor.doors.wyoming.door
import supervisor.doors.http.metrics, prometheus_client.exposition
"""


def test_an_http_door_imports_nothing_of_openssl_nor_uvicorns_command_line() -> None:
    code = "leave_openssl_out()\nleave_tls_out_of_http()" + DOOR + SEEN
    left_out = (
        "print([name for name in ('_ssl', '_hashlib', 'click', 'uvicorn.main') if name in sys.modules])"
    )
    assert told(code + left_out) == ["", "asyncio hashlib ssl", "[]"]


def test_keys_are_compared_all_the_same() -> None:
    code = "leave_openssl_out()\nleave_tls_out_of_http()\nimport hmac\n"
    assert told(code + "print(hmac.compare_digest(b'a', b'a'), hmac.compare_digest(b'a', b'b'))") == [
        "True False"
    ]


def test_a_uvicorn_that_is_made_otherwise_is_imported_as_ever() -> None:
    code = "import supervisor.cli.lean as lean\nlean._PARTS = ('uvicorn.config', 'uvicorn.no_such_part')\n"
    code += "leave_openssl_out()\nlean.leave_tls_out_of_http()\nimport ssl, uvicorn\n"
    assert told(code + "print(uvicorn.Config.__module__, ssl.CERT_NONE.value)") == ["uvicorn.config 0"]
