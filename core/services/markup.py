"""Markdown as agents type it, into WhatsApp's own markup.

Owns: the conversion of text. Must not know: messages, providers.

WhatsApp has ``*bold*``, ``_italic_``, ``~struck~``, `` `code` ``, ``> quote`` and lists; no links with a caption.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Marks a finished piece while the rest is converted; no text that can be stored contains it.
_HOLD = "\x00"

_FENCE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\n]*)\]\(\s*<?([^\s)>]+)>?(?:\s+\"[^\"\n]*\")?\s*\)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>")
_BARE_URL = re.compile(r"(?:https?://|www\.)[^\s<>\x00]+")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![\w*])")
_STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[*+][ \t]+", re.MULTILINE)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~>|])")
_HARD_BREAK = re.compile(r"(?: {2,}|\\)$", re.MULTILINE)


def to_whatsapp(text: str) -> str:
    """The text in WhatsApp's markup. Lists, numbering, quotes and blank lines stay as they are; a link becomes its
    address. Empty text stays empty."""
    if not text:
        return text
    held: list[str] = []

    def hold(piece: str) -> str:
        held.append(piece)
        return f"{_HOLD}{len(held) - 1}{_HOLD}"

    result = text.replace(_HOLD, "").replace("\r\n", "\n")
    result = _hold_literals(result, hold)
    result = _HARD_BREAK.sub("", result)
    result = _BULLET.sub(r"\1- ", result)
    result = _HEADING.sub(lambda m: hold("*") + _strip_bold(m.group(1)) + hold("*"), result)
    result = _BOLD.sub(lambda m: hold("*") + m.group(2) + hold("*"), result)
    result = _ITALIC.sub(lambda m: hold("_") + m.group(1) + hold("_"), result)
    result = _STRUCK.sub(r"~\1~", result)
    return _release(result, held)


def _hold_literals(text: str, hold: Callable[[str], str]) -> str:
    """Take out what must not be converted: code, escaped characters, addresses."""
    text = _FENCE.sub(lambda m: hold(f"```{m.group(1)}```"), text)
    text = _CODE.sub(lambda m: hold(m.group(0)), text)
    text = _IMAGE_OR_LINK.sub(lambda m: hold(m.group(2)), text)
    text = _AUTOLINK.sub(lambda m: hold(m.group(1)), text)
    text = _ESCAPE.sub(lambda m: hold(m.group(1)), text)
    return _BARE_URL.sub(lambda m: _hold_url(m.group(0), hold), text)


def _hold_url(url: str, hold: Callable[[str], str]) -> str:
    # Marks that close around an address are markup, not part of it: **https://example.org**
    kept = url.rstrip("*_~")
    return hold(kept) + url[len(kept) :]


def _strip_bold(text: str) -> str:
    return _BOLD.sub(r"\2", text)


def _release(text: str, held: list[str]) -> str:
    marker = re.compile(f"{_HOLD}(\\d+){_HOLD}")
    while _HOLD in text:  # a held piece may hold others
        text = marker.sub(lambda m: held[int(m.group(1))], text)
    return text
