"""Lines of Markdown that define something: where a link leads, what a footnote says.

To CommonMark `[JOHN]: Hello` in a play defines a link that leads to `Hello`. Here it does so only
if something uses the label or if the destination looks like one; else it is text, and spoken.
"""

import re
from collections.abc import Iterable

from markdown_it.common.utils import normalizeReference

#: A footnote's mark at the start of its text.
FOOTNOTE = re.compile(r"[ \t]*\[\^([^\]\[\s]+)\]:")

_DEFINITION = re.compile(r"\s*\[((?:[^\[\]\\]|\\.)+)\]:\s*(\S+)", re.DOTALL)
#: A scheme, a path, a fragment, `<…>`; or a name with a dot, as of a file or a host.
_DESTINATION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S|[/#.<]|[^/]*/|[^.]*\.(?:.*\.)?[^\W\d_]")
#: A colon behind it makes a speaker of a label: `[JOHN]: Hello there.`
#: CommonMark's labels have at most 999 characters; that also bounds each look.
_USE = re.compile(r"\[((?:[^\[\]\\]|\\.){1,999}+)\](?!:)", re.DOTALL)


def defined_label(definition: str) -> str | None:
    """Return the label of a link definition that may be plain text; None if it leads somewhere.

    Args:
        definition: As CommonMark reads it.
    """
    found = _DEFINITION.match(definition)
    if found is None or _DESTINATION.match(found[2]) is not None:
        return None
    return normalizeReference(found[1])


def used_labels(blocks: Iterable[str]) -> frozenset[str]:
    """Return what stands in brackets, and so may be the label of a link, in blocks of text."""
    return frozenset(normalizeReference(found[1]) for block in blocks for found in _USE.finditer(block))
