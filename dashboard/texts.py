"""WhatsApp's text markup as HTML.

Owns: ``*bold*``, ``_italic_``, ``~struck~``, monospace, quotes, lists and links, with everything else escaped.
Must not know: messages.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup, escape

_LITERAL = re.compile(
    r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`|(?P<url>https?://[^\s<>\"'`]+)", re.DOTALL
)
_TRAILING = ".,;:!?)]}*_~'"
_MARKS = {
    "*": Markup("<strong>{}</strong>"),
    "_": Markup("<em>{}</em>"),
    "~": Markup("<s>{}</s>"),
}
#: Longer texts are shown plain: nobody writes them with marks, and they would only cost time.
MAX_STYLED = 20_000
_MAX_DEPTH = 4


def whatsapp(text: str | None) -> Markup:
    """A message's text as safe HTML; line breaks are left to the style sheet."""
    if not text:
        return Markup()
    if len(text) > MAX_STYLED:
        return Markup('<span class="text">{}</span>').format(text)
    parts: list[Markup] = []
    for is_quote, lines in _runs(text.replace("\r\n", "\n").split("\n")):
        body = _inline("\n".join(lines))
        parts.append(Markup("<blockquote>{}</blockquote>").format(body) if is_quote else body)
    return Markup("").join(parts)


def plain(text: str | None, limit: int = 160) -> str:
    """A message's text without its marks, in one line, for previews."""
    if not text:
        return ""
    line = _unmarked(" ".join(text[: limit * 4].split()).replace("```", ""))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _unmarked(text: str, depth: int = 0) -> str:
    found, position = [], 0
    for start, end in _marked(text) if depth < _MAX_DEPTH else ():
        found += [text[position:start], _unmarked(text[start + 1 : end], depth + 1)]
        position = end + 1
    return "".join([*found, text[position:]])


def _runs(lines: list[str]) -> list[tuple[bool, list[str]]]:
    """Lines grouped into quotes and the rest. A fenced block is never a quote."""
    runs: list[tuple[bool, list[str]]] = []
    fenced = False
    for line in lines:
        quote = not fenced and line.startswith("> ")
        if line.count("```") % 2:
            fenced = not fenced
        shown = line[2:] if quote else line
        if runs and runs[-1][0] == quote:
            runs[-1][1].append(shown)
        else:
            runs.append((quote, [shown]))
    return runs


def _inline(text: str) -> Markup:
    found: list[Markup] = []
    position = 0
    for match in _LITERAL.finditer(text):
        found.append(_styled(text[position : match.start()]))
        found.append(_literal(match))
        position = match.end()
        if match["url"]:
            position -= len(match["url"]) - len(_trimmed(match["url"]))
    found.append(_styled(text[position:]))
    return Markup("").join(found)


def _trimmed(url: str) -> str:
    """An address without the punctuation of the sentence around it."""
    end = len(url)
    closing, opening = url.count(")"), url.count("(")
    while end and url[end - 1] in _TRAILING:
        if url[end - 1] == ")":
            if closing <= opening:
                break
            closing -= 1
        end -= 1
    return url[:end]


def _literal(match: re.Match[str]) -> Markup:
    if match["block"] is not None:
        return Markup("<code>{}</code>").format(match["block"].strip("\n"))
    if match["code"] is not None:
        return Markup("<code>{}</code>").format(match["code"])
    url = _trimmed(match["url"])
    return Markup(
        '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>'
    ).format(url)


def _styled(text: str, depth: int = 0) -> Markup:
    found: list[Markup] = []
    position = 0
    for start, end in _marked(text) if depth < _MAX_DEPTH else ():
        found.append(escape(text[position:start]))
        found.append(_MARKS[text[start]].format(_styled(text[start + 1 : end], depth + 1)))
        position = end + 1
    found.append(escape(text[position:]))
    return Markup("").join(found)


def _marked(text: str) -> Iterator[tuple[int, int]]:
    """Positions of opening and closing marks, from left to right, outermost only.

    As in WhatsApp, a mark opens before a character that is no space, closes after one, and stands at a word's edge;
    both are in one line.
    """
    closing = {
        mark: [i for i, c in enumerate(text) if c == mark and _closes(text, i)] for mark in _MARKS
    }
    position = 0
    while position < len(text):
        if text[position] in _MARKS and _opens(text, position):
            ends = closing[text[position]]
            at = bisect_right(ends, position + 1)
            if at < len(ends) and "\n" not in text[position : ends[at]]:
                yield position, ends[at]
                position = ends[at]
        position += 1


def _opens(text: str, at: int) -> bool:
    before = text[at - 1] if at else " "
    after = text[at + 1 : at + 2]
    edge = not (before.isalnum() or before in _MARKS)
    return edge and bool(after) and not after.isspace() and after != text[at]


def _closes(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(before) and not before.isspace() and not after.isalnum()


FILTERS: dict[str, Callable[..., Any]] = {"whatsapp": whatsapp, "plain": plain}
