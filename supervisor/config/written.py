"""Values as config.toml has them, for people to read and to paste."""

from typing import cast


def written(value: object) -> str:
    """Write a value as TOML, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{"".join(map(_letter, value))}"'
    if isinstance(value, list):
        return f"[{', '.join(map(written, cast('list[object]', value)))}]"
    if isinstance(value, dict):
        words = cast("dict[str, object]", value)
        pairs = [f"{written(word)} = {written(entry)}" for word, entry in words.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    return str(value)


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"
