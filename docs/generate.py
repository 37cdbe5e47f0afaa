"""Writes ``hooks.md``, ``features.md`` and ``api-reference.md`` from the code, so that they cannot say anything else.

python docs/generate.py          write them
python docs/generate.py --check  only tell whether they are current
"""

from __future__ import annotations

import argparse
import configparser
import dataclasses
import importlib
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from chatport import (
    ProviderInfo,
    channels,
    errors,
    events,
    hookspecs,
    identities,
    messages,
    notices,
)
from chatport.api.openapi import document
from chatport.messages import MediaKind
from chatport.plugins.checks import REQUIRED, SPECIFICATIONS

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from api_page import api_page  # noqa: E402 (it lies beside this file, which is no package)

ROOT = DOCS.parent

NOTE = "<!-- Written by docs/generate.py from the code. Change the docstrings there, then run it again. -->"

HOOKS_ABOUT = (
    "Everything that a plugin can implement, and every record that goes in and out. "
    "[Writing a provider](writing-a-provider.md) shows how to use it."
)
FEATURES_ABOUT = (
    "The screen offers what the channel's provider declares, and nothing else. "
    "A claim that does not hold fails the provider's tests."
)


# --- docstrings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Doc:
    """A docstring taken apart."""

    text: str
    params: Mapping[str, str]
    raises: Mapping[str, str]


def parsed(docstring: str | None) -> Doc:
    """Split a docstring into its text and its ``:param`` and ``:raises`` fields."""
    body = inspect.cleandoc(docstring or "")
    text, *fields = re.split(r"^:(?=param |raises )", body, flags=re.M)
    found: dict[str, dict[str, str]] = {"param": {}, "raises": {}}
    for one in fields:
        head, _, meaning = one.partition(":")
        kind, name = head.split()
        found[kind][name] = markdown(meaning)
    paragraphs = [markdown(paragraph) for paragraph in text.split("\n\n")]
    return Doc("\n\n".join(paragraphs).strip(), found["param"], found["raises"])


def markdown(text: str) -> str:
    """One line of Markdown from docstring text."""
    plain = re.sub(r":(?:class|attr|meth):`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return plain.replace("``", "`")


def field_comments(record: type) -> dict[str, str]:
    """What the source says in comments beside or above the fields of a class."""
    found: dict[str, str] = {}
    above = ""
    name = ""
    for line in inspect.getsource(record).splitlines():
        field = re.match(r"    (\w+)(?::|\s*=)\s", line)
        comment = re.search(r"#:? ?(?!noqa)(.*)$", line)
        if line.startswith("    #:"):
            above = markdown(line.strip().removeprefix("#:"))
            continue
        if field:
            name = field[1]
            if above:
                found[name], above = above, ""
        if comment and name and not line.startswith("    #") and line.startswith("    "):
            found.setdefault(name, markdown(comment[1].split("  # noqa")[0]))
    return found


# --- hooks ------------------------------------------------------------------------------------------------------------


def sections() -> list[tuple[str, list[str]]]:
    """Headings of ``hookspecs`` with the hooks below each."""
    found: list[tuple[str, list[str]]] = []
    for line in inspect.getsource(hookspecs).splitlines():
        heading = re.match(r"# --- (.+?) -+$", line)
        hook = re.match(r"def (\w+)\(", line)
        if heading:
            found.append((heading[1], []))
        elif hook and hook[1] in SPECIFICATIONS:
            found[-1][1].append(hook[1])
    return found


def hook_section(name: str) -> Iterator[str]:
    """One hook."""
    function = getattr(hookspecs, name)
    doc = parsed(function.__doc__)
    signature = inspect.signature(function)
    arguments = ", ".join(f"{p.name}: {p.annotation}" for p in signature.parameters.values())
    yield f"### `{name}`\n"
    yield f"```python\ndef {name}({arguments}) -> {signature.return_annotation}\n```\n"
    need = "**Required.** " if name in REQUIRED else ""
    yield f"{need}{doc.text}\n"
    if doc.params:
        yield "\n".join(f"* `{param}`: {meaning}" for param, meaning in doc.params.items()) + "\n"
    if doc.raises:
        yield "Raises:\n"
        yield "\n".join(f"* `{error}`: {meaning}" for error, meaning in doc.raises.items()) + "\n"


def hooks_page() -> str:
    """``docs/hooks.md``."""
    lines = [
        "# Hooks and vocabulary\n",
        NOTE + "\n",
        HOOKS_ABOUT + "\n",
        f"The version of this contract is {channels.HOOK_API}.\n",
        rules() + "\n",
        "| hook | kind | arguments | answer |\n|---|---|---|---|\n" + "\n".join(hook_rows()) + "\n",
    ]
    for heading, names in sections():
        lines.append(f"## Hooks: {heading.removeprefix('optional: ')}\n")
        for name in names:
            lines += hook_section(name)
    about_events = f"What `handle_event` and `fetch_history` return. {about_keys()}"
    lines += vocabulary("Events", events, about_events, 2)
    lines += vocabulary("Messages to send", messages, "What `send_message` gets and returns.", 2)
    lines += vocabulary("Identities", identities, "Who somebody is.", 2)
    lines += vocabulary("Channel, declaration, answers", channels, "What else goes in and out.", 2)
    lines += vocabulary("Notices", notices, "What observers are told.", 2)
    lines += error_section()
    return "\n".join(lines)


def rules() -> str:
    """The rules that the module of the hooks states for all of them."""
    paragraphs = parsed(hookspecs.__doc__).text.split("\n\n")
    return next(one for one in paragraphs if one.startswith("Rules for all"))


def about_keys() -> str:
    """What the module of the events says about their keys."""
    paragraphs = parsed(events.__doc__).text.split("\n\n")
    return next(one for one in paragraphs if one.startswith("Every event has a **key**"))


def hook_rows() -> Iterator[str]:
    """The table of all hooks."""
    for heading, names in sections():
        for name in names:
            signature = inspect.signature(getattr(hookspecs, name))
            arguments = ", ".join(f"`{argument}`" for argument in signature.parameters)
            kind = "required" if name in REQUIRED else heading.partition(":")[0]
            answer = cell(str(signature.return_annotation))
            yield f"| [`{name}`](#{name}) | {kind} | {arguments} | `{answer}` |"


# --- vocabulary -------------------------------------------------------------------------------------------------------


def vocabulary(title: str, module: types.ModuleType, about: str, level: int) -> Iterator[str]:
    """All records and words of a module."""
    yield f"{'#' * level} {title}\n"
    yield f"{about} Import from `{module.__name__}`.\n"
    for record in vars(module).values():
        if not isinstance(record, type) or record.__module__ != module.__name__:
            continue
        if issubclass(record, StrEnum):
            yield from words(record, level + 1)
        elif dataclasses.is_dataclass(record):
            yield from fields_of(record, level + 1)


def words(enum: type[StrEnum], level: int) -> Iterator[str]:
    """The values of an enumeration."""
    comments = field_comments(enum)
    yield f"{'#' * level} `{enum.__name__}`\n"
    yield parsed(enum.__doc__).text + "\n"
    rows = [f"| `{word.value}` | {cell(comments.get(word.name, ''))} |" for word in enum]
    yield "| value | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


def fields_of(record: type, level: int) -> Iterator[str]:
    """The fields of a record."""
    doc = parsed(record.__doc__)
    yield f"{'#' * level} `{record.__name__}`\n"
    base = record.__mro__[1]
    if dataclasses.is_dataclass(base):
        yield f"{doc.text} Has the fields of `{base.__name__}` too.\n"
    else:
        yield doc.text + "\n"
    inherited = set(getattr(base, "__dataclass_fields__", ()))
    comments = {**field_comments(record), **doc.params}
    rows = [
        f"| `{field.name}` | `{cell(str(field.type))}` | {default(field)} | {cell(comments.get(field.name, ''))} |"
        for field in dataclasses.fields(record)
        if field.name not in inherited
    ]
    if rows:
        yield "| field | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def default(field: dataclasses.Field[Any]) -> str:
    """A field's default as code; nothing where a value must be given."""
    if field.default is not dataclasses.MISSING:
        return f"`{field.default!r}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    return ""


def error_section() -> Iterator[str]:
    """Exceptions and their classes."""
    yield "## Errors\n"
    yield "Import from `chatport.errors`. Every one may carry an `action`: what a person can do next.\n"
    yield from words(errors.ErrorClass, 3)
    yield "### Exceptions\n"
    rows = []
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.ProviderError):
            rows.append(f"| `{error.__name__}` | `{error.error_class}` | {summary(error)} |")
    for error in (errors.ConfigInvalid, errors.AnomalousPayload):
        rows.append(f"| `{error.__name__}` | | {summary(error)} |")
    yield "| exception | class | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    yield "Arguments of `ProviderError` and the classes below it, all but the message by name:\n"
    params = parsed(errors.ProviderError.__doc__).params
    yield "\n".join(f"* `{name}`: {meaning}" for name, meaning in params.items()) + "\n"


def summary(thing: type) -> str:
    """The first paragraph of a docstring, in a table's cell."""
    return cell(parsed(thing.__doc__).text.split("\n\n")[0])


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


# --- features ---------------------------------------------------------------------------------------------------------


def shipped_providers() -> dict[str, tuple[str, ProviderInfo]]:
    """Providers of this repository: distribution and declaration by key."""
    found: dict[str, tuple[str, ProviderInfo]] = {}
    for path in sorted(ROOT.glob("providers/*/setup.cfg")):
        parser = configparser.ConfigParser()
        parser.read(path)
        if not parser.has_option("options.entry_points", "chatport.providers"):
            continue  # a library of several providers
        lines = parser["options.entry_points"]["chatport.providers"].strip().splitlines()
        for key, module in (map(str.strip, line.split("=")) for line in lines):
            info = importlib.import_module(module).PROVIDER
            found[key] = (parser["metadata"]["name"], info)
    return found


def features_page(providers: Mapping[str, tuple[str, ProviderInfo]] | None = None) -> str:
    """``docs/features.md``."""
    shown = shipped_providers() if providers is None else providers
    infos = [info for _, info in shown.values()]
    comments = field_comments(channels.Features)
    head = table_head(["", *(info.title for info in infos)])
    origin = [
        row(["key", *(f"`{key}`" for key in shown)]),
        row(["install", *(f"`{distribution}`" for distribution, _ in shown.values())]),
        row(["older names of the key", *(codes(info.aliases) for info in infos)]),
        row(["authentication of webhooks", *(f"`{info.authentication.kind}`" for info in infos)]),
    ]
    abilities = [
        row([feature_label(field.name, comments), *(shown_value(field.name, i) for i in infos)])
        for field in dataclasses.fields(channels.Features)
        if field.name != "media"
    ]
    files = [row([kind, *(media_limit(kind, info) for info in infos)]) for kind in MediaKind]
    lines = [
        "# What each provider can do\n",
        NOTE + "\n",
        FEATURES_ABOUT + "\n",
        "\n".join([head, *origin]) + "\n",
        "## Features\n",
        "\n".join([head, *abilities]) + "\n",
        "## Files\n",
        "The largest size and the accepted types; no types means any.\n",
        "\n".join([head, *files]) + "\n",
    ]
    return "\n".join(lines)


def table_head(cells: list[str]) -> str:
    """The first two lines of a table."""
    return f"{row(cells)}\n{'|---' * len(cells)}|"


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell(one) for one in cells) + " |"


def codes(values: Iterable[str]) -> str:
    """Words as code."""
    return ", ".join(f"`{value}`" for value in values)


def feature_label(name: str, comments: Mapping[str, str]) -> str:
    """A feature's name, with what it means where the name does not tell."""
    plain = name.replace("_", " ")
    return f"{plain} ({comments[name]})" if name in comments else plain


def shown_value(name: str, info: ProviderInfo) -> str:
    """A feature's value in words."""
    value = getattr(info.features, name)
    if value is True:
        return "yes"
    if value is False or value is None or value in ((), 0):
        return "–"
    return ", ".join(value) if isinstance(value, tuple) else f"{value:,}"


def media_limit(kind: MediaKind, info: ProviderInfo) -> str:
    """A provider's limit for one kind of file."""
    limit = info.features.media.get(kind)
    if limit is None:
        return "–"
    types_of = f": {', '.join(limit.content_types)}" if limit.content_types else ""
    return f"{limit.max_bytes / 1e6:,.3g} MB{types_of}{'' if limit.caption else '; no caption'}"


# --- writing ----------------------------------------------------------------------------------------------------------


def pages() -> dict[Path, str]:
    """All generated pages."""
    return {
        DOCS / "hooks.md": hooks_page(),
        DOCS / "features.md": features_page(),
        DOCS / "api-reference.md": api_page(document(), NOTE),
    }


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or ""))
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a page is old")
    check = parser.parse_args().check
    old = [p for p, text in pages().items() if not p.is_file() or p.read_text() != text]
    for path in old:
        if not check:
            path.write_text(pages()[path])
        sys.stdout.write(f"{path.relative_to(ROOT)} {'is old' if check else 'written'}\n")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
