"""What the short-lived processes are told: one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from supervisor.config import Config
from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_values import FileToDeliver, JobSpec, Silence, job_id_for
from supervisor.edge.vocoderfile import vocoder_fault
from supervisor.errors import ConfigError
from supervisor.identity import engine_identity
from supervisor.loop.recutting import told_rate_hz
from supervisor.loop.requests import JobRequest


def planning_order(config: Config, state: Path, request: JobRequest) -> bytes:
    """Return the planning process's line, as `supervisor/planning/__main__.py` has it.

    Raises:
        ConfigError: If the engine's distribution is not installed where the child runs, or if the model lacks
            the vocoder of the rate that is asked for.
    """
    must_have_vocoder(config, request.sample_rate_hz)
    narration = config.narration
    spec = JobSpec(
        job=job_id_for(request.output),
        output=request.output,
        format=request.format,
        sample_rate_hz=request.sample_rate_hz,
        engine=config.engine.name,
        engine_identity=engine_identity(config),
        voice=request.voice,
        seed=request.seed,
        pauses_s={
            "none": 0.0,
            "sentence": narration.pause_sentence_s,
            "paragraph": narration.pause_paragraph_s,
            "heading": narration.pause_heading_s,
        },
        inputs=[each.name for each in request.inputs],
        key=request.key,
        folder=request.folder or str(Path.cwd()),
        carries_past=config.engine.settings.get("history") is True,
    )
    order = {
        "state": str(state),
        "spec": spec,
        "inputs": request.inputs,
        "segment_chars": narration.segment_chars,
        "fresh": request.fresh,
        "save": True,
        "rate_hz": told_rate_hz(config),
        "again": request.again,
    }
    return msgspec.json.encode(order) + b"\n"


def must_have_vocoder(config: Config, asked_hz: int | None) -> None:
    """Refuse a rate whose vocoder is not there: all of a text would fail, segment by segment.

    Args:
        config: All of it.
        asked_hz: The rate that is asked for; None = the engine's own, which looks for itself.

    Raises:
        ConfigError: If it is not there, or not whole.
    """
    told_hz = told_rate_hz(config)
    checkpoint = config.engine.settings.get("checkpoint")
    if config.engine.name != "glm" or asked_hz is None or asked_hz == told_hz or not checkpoint:
        return
    fault = vocoder_fault(Path(str(checkpoint)), asked_hz)
    if fault is not None:
        raise ConfigError(
            f"{asked_hz} Hz is spoken by a vocoder of its own: {fault}; run "
            f"'tts-supervisor models get glm-tts' again, or ask for no rate, for {told_hz} Hz"
        )


def results_order(state: Path, job: str) -> bytes:
    """Return the planning process's line, as `supervisor/planning/results.py` has it."""
    return json.dumps({"results": {"state": str(state), "job": job}}).encode("utf-8") + b"\n"


def delivery_order(ledger: Ledger, job: str, file: FileToDeliver) -> Iterator[bytes]:
    """Yield the delivery process's lines for one finished file, made as they are needed.

    `supervisor/delivery/order.py` says what they are.

    Raises:
        LedgerError: If a segment is neither done nor failed, or there is no such job.
    """
    yield _line(path=file.path, format=file.format, sample_rate_hz=file.sample_rate_hz, title=file.title)
    for piece in ledger.pieces(job, file):
        if isinstance(piece, Silence):
            yield _line(silence_s=piece.seconds)
        else:
            yield _line(
                wav=str(piece.wav),
                sample_rate_hz=piece.sample_rate_hz,
                samples=piece.samples,
                sha256=piece.sha256,
            )
    yield _line(end=True)


def _line(**fields: str | float | bool) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"
