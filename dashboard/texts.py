"""WhatsApp's text markup as HTML.

Owns: ``*bold*``, ``_italic_``, ``~struck~``, monospace, quotes, lists and links, with everything else escaped.
Must not know: messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

_LITERAL = re.compile(
    r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`|(?P<url>https?://[^\s<>\"'`]+)", re.DOTALL
)
_TRAILING = re.compile(r"[.,;:!?)\]}*_~'\"]+$")
#: mark, element. A mark opens before a character that is no space and closes after one, as in WhatsApp.
_MARKS = {
    "*": Markup("<strong>{}</strong>"),
    "_": Markup("<em>{}</em>"),
    "~": Markup("<s>{}</s>"),
}
_STYLE = re.compile(r"(?<![\w*_~])([*_~])(?=[^\s*_~])([^\n]*?[^\s])\1(?![\w])")
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
    line = " ".join(text[: limit * 4].split()).replace("```", "")
    for _ in range(_MAX_DEPTH):
        shorter = _STYLE.sub(r"\2", line)
        if shorter == line:
            break
        line = shorter
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


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
    end = _TRAILING.search(url)
    if end is None:
        return url
    if end[0].startswith(")") and "(" in url:
        return url
    return url[: end.start()]


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
    if depth >= _MAX_DEPTH:
        return escape(text)
    found: list[Markup] = []
    position = 0
    for match in _STYLE.finditer(text):
        found.append(escape(text[position : match.start()]))
        inner = _styled(match[2], depth + 1)
        found.append(_MARKS[match[1]].format(inner))
        position = match.end()
    found.append(escape(text[position:]))
    return Markup("").join(found)


FILTERS: dict[str, Callable[..., Any]] = {"whatsapp": whatsapp, "plain": plain}
