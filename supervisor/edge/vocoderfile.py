"""The vocoders of GLM-TTS's checkpoint, by the rate they speak at: whether a file is there and whole.

The engine looks at that of its own rate when it starts; another one, which a job asks for as a whole, would
be missed segment by segment. Nothing of a file is loaded here.
"""

from pathlib import Path

#: Below the checkpoint; as `tts_core.checkpoint` has them.
VOCODERS = {24_000: "hift/hift.pt", 32_000: "vocos2d/generator_jit.ckpt"}


def vocoder_fault(checkpoint: Path, rate_hz: int) -> str | None:
    """Return why a vocoder cannot be loaded, as far as its frame tells; None if nothing is wrong.

    Args:
        checkpoint: The released folder; where there is none, another says so.
        rate_hz: That is asked for; nothing is wrong with one that is resampled to.
    """
    name = VOCODERS.get(rate_hz)
    if name is None or not checkpoint.is_dir():
        return None
    path = checkpoint / name
    if not path.is_file():
        return f"{path}: there is no such file"
    import zipfile  # noqa: PLC0415 - 0.3 MiB, and a service without such a file never looks

    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                return f"{path}: is no archive of torch, or was cut short at {path.stat().st_size} bytes"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"
    return None
