"""The history of the original GLM-TTS (its "use cache"), as bytes that another process goes on from.

It keeps three lists, item 0 of each the prompt, and appends what each short text had: the text, its
tokens (a tensor), its speech tokens (whole numbers). What it does with them is its own affair; here
they are written down as they are, item 0 left out, since that comes with the voice.
"""

from dataclasses import dataclass

import msgspec

from child.engine import EngineError

_VERSION = 1
_MEND = "speak the chapter anew with --fresh"
#: Under what the wire lets through (`messages.Past`); what upstream lets stand is a tenth of it.
_MOST_BYTES = 192 * 1024
#: Of the tensors in the lists.
_DTYPES = ("int32", "int64")


@dataclass(slots=True, kw_only=True)
class Cache:
    """What `generate_long` reads and appends to, each list's item 0 the prompt.

    Attributes:
        texts: Normalised.
        text_tokens: int [1, n] each.
        speech_tokens: Ids each.
    """

    texts: list[object]
    text_tokens: list[object]
    speech_tokens: list[object]

    def for_upstream(self, *, use_cache: bool) -> dict[str, object]:
        """Return the dictionary that `generate_long` takes; its lists are these."""
        return {
            "cache_text": self.texts,
            "cache_text_token": self.text_tokens,
            "cache_speech_token": self.speech_tokens,
            "use_cache": use_cache,
        }


class _Tensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    device: str
    body: bytes


_Item = _Tensor | list[int] | str


class _Past(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    version: int
    texts: list[_Item]
    text_tokens: list[_Item]
    speech_tokens: list[_Item]


def past_of(cache: Cache) -> bytes:
    """Write down what the lists hold behind the prompt.

    Raises:
        EngineError: If that is of a kind that cannot be written down, or too much.
    """
    tokens = cache.text_tokens[1:]
    past = _Past(
        version=_VERSION,
        # Where tokens of old texts are dropped and texts are not, they would pile up for a whole book.
        texts=[_written(text) for text in cache.texts[1:][-len(tokens) :]] if tokens else [],
        text_tokens=[_written(ids) for ids in tokens],
        speech_tokens=[_written(ids) for ids in cache.speech_tokens[1:]],
    )
    written = msgspec.msgpack.encode(past)
    if len(written) > _MOST_BYTES:
        raise EngineError(
            f"the history of this GLM-TTS has grown to {len(written)} bytes, the most is {_MOST_BYTES}: "
            "it drops nothing of it; set engine.glm_upstream.history = false"
        )
    return written


def remember(cache: Cache, past: bytes) -> None:
    """Append to the lists what was written down.

    Args:
        cache: With the prompt alone.
        past: Of `past_of`; empty = nothing.

    Raises:
        EngineError: If it is none.
    """
    if not past:
        return
    try:
        known = msgspec.msgpack.decode(past, type=_Past)
        if known.version != _VERSION:
            raise EngineError(f"the history is of version {known.version}, this is {_VERSION}: {_MEND}")
        cache.texts.extend(map(_read, known.texts))
        cache.text_tokens.extend(map(_read, known.text_tokens))
        cache.speech_tokens.extend(map(_read, known.speech_tokens))
    except (msgspec.DecodeError, ValueError, RuntimeError) as error:
        raise EngineError(f"the history that this text came with cannot be read ({error}): {_MEND}") from None


def _written(item: object) -> _Item:
    import torch  # noqa: PLC0415 -- there by now, and not before the checkout is opened

    if isinstance(item, str):
        return item
    if isinstance(item, torch.Tensor) and (kind := str(item.dtype).removeprefix("torch.")) in _DTYPES:
        body = item.detach().cpu().contiguous().numpy().tobytes()
        return _Tensor(dtype=kind, shape=list(item.shape), device=item.device.type, body=body)
    if isinstance(item, list):
        return msgspec.convert(item, list[int])
    raise EngineError(
        f"this GLM-TTS keeps a {type(item).__name__} in its history, which cannot be carried over to another "
        "process; set engine.glm_upstream.history = false"
    )


def _read(item: _Item) -> object:
    if not isinstance(item, _Tensor):
        return item
    import torch  # noqa: PLC0415 -- see above

    if item.dtype not in _DTYPES:
        raise ValueError(f"a tensor of {item.dtype}")
    dtype: torch.dtype = getattr(torch, item.dtype)
    # A copy: what lies in bytes must not be written to. Of no bytes torch makes no tensor.
    flat = torch.frombuffer(bytearray(item.body), dtype=dtype) if item.body else torch.empty(0, dtype=dtype)
    return flat.reshape(item.shape).to(item.device)
