"""`verify glm-tts`: is what was downloaded the model, whole, and does it speak?

Each part is loaded by itself and dropped again, faults are gathered and not run from, and at the end a
canary is spoken by all parts together. The report is meant to be attached to a question.
"""

import platform
import resource
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tts_core.checkpoint import VOCODERS, Checkpoint
from tts_core.errors import TtsError
from tts_core.models.canary import Order, Sung, sing
from tts_core.models.looking import Fault, Looking
from tts_core.models.progress import size
from tts_core.models.record import Record

_PACKAGES = (
    "tts-supervisor", "torch", "torchaudio", "safetensors", "tiktoken", "onnxruntime", "WeTextProcessing",
    "jieba", "pypinyin", "huggingface_hub",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: Of the part.
        ok: Whether it is as it should be.
        detail: What was seen, or what is wrong and how it is mended.
    """

    name: str
    ok: bool
    detail: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What was found; to be attached to a question.

    Attributes:
        folder: The checkpoint.
        identity: Of its files; None = some are missing.
        versions: Of what loads it.
        checks: In the order they were made.
        files: Bytes of each file, by its path in the folder.
        canary: What it said; None = it was not asked, or could not.
    """

    folder: Path
    versions: Mapping[str, str]
    identity: str | None = None
    checks: list[Check] = field(default_factory=list[Check])
    files: dict[str, int] = field(default_factory=dict[str, int])
    canary: Sung | None = None

    @property
    def faults(self) -> list[str]:
        """Return what is wrong, in words."""
        return [f"{check.name}: {check.detail}" for check in self.checks if not check.ok]

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            "model": "glm-tts",
            "ok": not self.faults,
            "folder": str(self.folder),
            "identity": self.identity,
            "versions": dict(self.versions),
            "checks": [asdict(check) for check in self.checks],
            "files": [{"path": path, "bytes": count} for path, count in self.files.items()],
            "canary": None if self.canary is None else asdict(self.canary),
            "faults": self.faults,
        }

    def as_text(self) -> str:
        """Return it for people, a line a check."""
        width = max((len(check.name) for check in self.checks), default=0)
        lines = [
            f"glm-tts in {self.folder}, {size(sum(self.files.values()))} in {len(self.files)} files",
            f"identity {self.identity or 'unknown: files are missing'}",
            ", ".join(f"{name} {one}" for name, one in self.versions.items()),
            *(
                f"{'ok   ' if check.ok else 'FAULT'}  {check.name:<{width}}  {check.detail}"
                for check in self.checks
            ),
        ]
        total = len(self.faults)
        end = "no fault" if not total else f"{total} fault{'s' if total > 1 else ''}"
        return "\n".join([*lines, f"{end}; sizes of all files are in the report of --json"])


def verify(order: Order, *, canary: bool) -> Report:
    """Look at everything that was downloaded; faults are in the report, and none is raised.

    Args:
        order: What is to be looked at, and what the canary is spoken with.
        canary: Whether it is spoken.
    """
    report = Report(folder=order.checkpoint.folder, versions=_versions())
    _frames(report, order)
    look = Looking(order.checkpoint)
    parts: list[tuple[str, Callable[[], str]]] = [
        ("text tokenizer", look.tokenizer),
        ("language model", look.language_model),
        ("speech tokenizer", look.speech_tokenizer),
        ("speaker encoder", look.speaker),
        ("flow", look.flow),
        *(
            (f"vocoder {rate_hz} Hz", lambda rate_hz=rate_hz: look.vocoder(rate_hz))
            for rate_hz in VOCODERS
            if (order.checkpoint.folder / VOCODERS[rate_hz]).is_file() or rate_hz == order.sample_rate_hz
        ),
        ("tables", lambda: look.tables(order.configs)),
    ]
    for name, seen in parts:
        with _gathered(report, name):
            report.checks.append(Check(name=name, ok=True, detail=seen()))
    if canary and not report.faults:
        _canary(report, order)
    return report


def _frames(report: Report, order: Order) -> None:
    """Look at what can be seen of the files from outside: whether they are there, whole, and as they came."""
    checkpoint = order.checkpoint
    missing = checkpoint.missing(order.sample_rate_hz)
    report.checks += [Check(name="files", ok=False, detail=one) for one in missing]
    if checkpoint.folder.is_dir():
        found = sorted(path for path in checkpoint.folder.rglob("*") if path.is_file())
        kept = [path for path in found if not path.relative_to(checkpoint.folder).parts[0].startswith(".")]
        report.files = {path.relative_to(checkpoint.folder).as_posix(): path.stat().st_size for path in kept}
    with _gathered(report, "files"):
        if not missing:
            report.identity = checkpoint.identity()
            report.checks.append(Check(name="files", ok=True, detail=_as_they_came(checkpoint)))
    for rate_hz, path in VOCODERS.items():
        if rate_hz != order.sample_rate_hz and not (checkpoint.folder / path).is_file():
            detail = f"{path} is not here: nothing can be spoken at {rate_hz} Hz"
            report.checks.append(Check(name=f"vocoder {rate_hz} Hz", ok=True, detail=detail))


def _as_they_came(checkpoint: Checkpoint) -> str:
    record = Record(checkpoint.folder)
    if not record.files:
        return "all there; they were not fetched by 'models get', so that no digest of them is known"
    changed = [path for path in record.files if not _is_as_it_came(record, path, checkpoint.folder)]
    if changed:
        names = ", ".join(changed)
        raise Fault(f"{names}: not as fetched; run 'tts-supervisor models get glm-tts' again")
    return f"all there; {len(record.files)} hash to what their publisher promised, or to what came"


def _is_as_it_came(record: Record, path: str, folder: Path) -> bool:
    digest = record.digest(path)
    place = folder / path
    return digest is not None and place.is_file() and digest.of(place, lambda _: None) == digest.value


def _canary(report: Report, order: Order) -> None:
    began_s = time.monotonic()
    with _gathered(report, "canary"):
        report.canary = sung = sing(order)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        detail = (
            f"{sung.seconds:.2f} s of audio from {sung.speech_tokens} speech tokens in {sung.took_s:.1f} s "
            f"on {sung.device}, the same twice, SHA-256 {sung.sha256[:16]}; loaded and spoken after "
            f"{time.monotonic() - began_s:.0f} s, at most {size(peak)} of memory"
        )
        report.checks.append(Check(name="canary", ok=True, detail=detail))


@contextmanager
def _gathered(report: Report, name: str) -> Generator[None]:
    """Turn what is raised into a check that failed: the others are made all the same."""
    try:
        yield
    except TtsError as error:
        report.checks.append(Check(name=name, ok=False, detail=str(error)))
    except Exception as error:  # noqa: BLE001 -- a report with a strange line in it is worth more than a traceback
        detail = f"{type(error).__name__}: {error}; please attach this report to a question"
        report.checks.append(Check(name=name, ok=False, detail=detail))


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
