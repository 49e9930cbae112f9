"""What GLM-TTS is made of, and where it is published: weights on the hub, two parts with the code."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tts_core.errors import CheckpointError
from tts_core.models.fetching import Digest, FetchError, Wanted, hub

REPOSITORY = "zai-org/GLM-TTS"

#: Where the code's files can be had one by one: base, repository, revision, path.
GITHUB = "https://raw.githubusercontent.com"

#: Folders of the checkpoint. No code is taken: none of it would be run.
_FOLDERS = ("llm", "speech_tokenizer", "flow", "hift", "vocos2d", "vq32k-phoneme-tokenizer", "frontend")
_KINDS = ("*.safetensors", "*.json", "*.pt", "*.ckpt", "*.yaml", "*.onnx", "*.model")
_ALSO = ("LICENSE*", "README.md")

#: Without one of each the model cannot be run; `flow` stands for `flow/flow.pt` under whatever name.
_ESSENTIAL = (
    "llm/config.json",
    "llm/*.safetensors",
    "speech_tokenizer/config.json",
    "speech_tokenizer/*.safetensors",
    "flow/flow.pt",
    "flow/config.yaml",
    "vq32k-phoneme-tokenizer/tokenizer.model",
    "vq32k-phoneme-tokenizer/tokenizer_config.json",
)

#: They come with the code. About 28 MiB and 50 KiB; how large they are is told when they come.
SPEAKER = "frontend/campplus.onnx"
TABLES = tuple(
    f"configs/{name}"
    for name in (
        "G2P_able_1word.json",
        "G2P_all_phonemes.json",
        "G2P_replace_dict.jsonl",
        "custom_replace.jsonl",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a repository holds.

    Attributes:
        commit: That was listed; files are taken from it, whatever is published meanwhile.
        files: Those that are wanted, as they are to lie in the folder.
    """

    commit: str
    files: Sequence[Wanted]


def on_hub(endpoint: str | None, revision: str) -> Listing:
    """Ask the hub for the model's files.

    Args:
        endpoint: Of another hub or mirror; None = the default of the hub's library, or HF_ENDPOINT.
        revision: Branch, tag or commit.

    Raises:
        FetchError: If the hub cannot be asked, or does not answer as one.
        CheckpointError: If the repository holds no such model.
    """
    library = hub()
    where = endpoint or library.endpoint
    try:
        found = library.listed(REPOSITORY, endpoint, revision)
    except library.troubles as error:
        raise FetchError(f"{where}: {REPOSITORY} cannot be listed ({_brief(error)}); {_MEND}") from None
    wanted = [
        Wanted(
            path=one.path,
            url=library.url(REPOSITORY, one.path, found.commit, endpoint),
            size=one.size,
            digest=one.digest,
            headers=library.headers(),
        )
        for one in found.files
        if _is_wanted(one.path)
    ]
    _must_be_whole([one.path for one in wanted], where)
    return Listing(commit=found.commit, files=wanted)


_MEND = "check the network, or name a mirror with --endpoint (or HF_ENDPOINT)"


def with_code(base: str, revision: str, paths: Sequence[str]) -> list[Wanted]:
    """Return the parts that come with the code, as files of its repository."""
    root = f"{base.rstrip('/')}/{REPOSITORY}/{revision}"
    return [Wanted(path=path, url=f"{root}/{path}", size=None, digest=None, headers={}) for path in paths]


def _is_wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if len(parts) == 1:
        return any(fnmatch.fnmatch(path, kind) for kind in _ALSO)
    # A name that would leave the folder is nobody's honest file.
    honest = ".." not in parts and not path.startswith("/")
    return honest and parts[0] in _FOLDERS and any(fnmatch.fnmatch(parts[-1], kind) for kind in _KINDS)


def _must_be_whole(paths: Sequence[str], where: str) -> None:
    lacking = [kind for kind in _ESSENTIAL if not fnmatch.filter(paths, kind)]
    lacking += (
        [] if fnmatch.filter(paths, "hift/*.pt") or fnmatch.filter(paths, "vocos2d/*") else ["a vocoder"]
    )
    if lacking:
        raise CheckpointError(
            f"{where}: {REPOSITORY} there lacks {', '.join(lacking)}; it is not the released model, or its "
            "layout has changed: name another --revision"
        )


def _brief(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


__all__ = ["GITHUB", "REPOSITORY", "SPEAKER", "TABLES", "Digest", "Listing", "on_hub", "with_code"]
