"""Builds the stand-in for the NVIDIA management library and scripts what it says.

Keys of `StandinDriver.set` (sizes in bytes; read anew at every call of the library):

    total, used, reserved   of the GPU; `reserved` is in `used` of the older memory call alone
    neighbour               held by other programs, added to `used`
    procs                   "env": every child life of the supervisor that was started with `.env`, its
                            anonymous host memory taken for device memory and added to `used`, what it
                            shares with the template left out, and the template itself;
                            or "PID:BYTES,PID:BYTES", likewise added
    lag=SECONDS             what a process of `procs` held at most stays in `used` for so long after its death
    hide_procs=1            no process is listed (a container); `used` still counts them
    no_figures=1            processes are listed without sizes (WSL)
    graphics=1              the same processes stand in the graphics list too
    v2=0, v3=0              an older driver: no second memory call, no third process call
    init_error, error, handle_error, memory_error, process_error, mig_error
                            a return code of NVML: 4 no permission, 9 not loaded, 15 lost, 18 mismatch, …
    hang=SECONDS            calls block so long, or until the key is gone
    devices                 how many GPUs; named GPU-0000000N-…
    mig=1                   the GPU is split: only a handle by MIG-… name may be read
"""

import os
import subprocess
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"


def build(folder: Path) -> Path:
    """Compile the library into `folder` and return the folder."""
    source = Path(__file__).with_name("nvml.c")
    words = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-std=c11"]
    subprocess.run([*words, "-o", str(folder / LIBRARY), str(source)], check=True)
    return folder


class StandinDriver:
    """One scripted driver.

    Attributes:
        env: To be added to the environment of the process that shall find this driver.
    """

    def __init__(self, library_folder: Path, script: Path) -> None:
        self._script = script
        self._keys: dict[str, int | str] = {}
        self.env = {
            "LD_LIBRARY_PATH": os.pathsep.join(
                filter(None, [str(library_folder), os.environ.get("LD_LIBRARY_PATH")])
            ),
            "NVML_STANDIN": str(script),
        }
        self.set()

    @property
    def readings(self) -> int:
        """How often memory was read and answered, figures or an error."""
        try:
            return self._script.with_name(self._script.name + ".readings").stat().st_size
        except FileNotFoundError:
            return 0

    def set(self, **keys: int | str | None) -> None:
        """Change what the driver says from now on; None takes a key away."""
        self._keys |= {key: value for key, value in keys.items() if value is not None}
        self._keys = {key: value for key, value in self._keys.items() if keys.get(key, value) is not None}
        fresh = self._script.with_suffix(".new")
        fresh.write_text("".join(f"{key}={value}\n" for key, value in self._keys.items()))
        fresh.replace(self._script)  # at once: a call must not read half of it
