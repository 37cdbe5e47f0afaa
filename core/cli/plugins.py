"""``chatport plugins``: which plugins are used, which are not and why, what each provider can do.

Owns: the list. Must not know: how plugins are found and judged.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from ..channels import Features
from ..plugins.registry import PluginDescription, Registry
from .failures import ExitCode
from .opening import load_settings, quiet_logs
from .output import answer, answering


@click.command()
@click.option("--check", is_flag=True, help="Exit code 1 when a plugin cannot be used.")
@answering
@click.pass_context
def plugins(context: click.Context, check: bool) -> None:
    """List the installed plugins: the usable ones with what they can do, the others with the reason."""
    settings = load_settings()
    quiet_logs(settings)
    registry = Registry.load(dataclasses.replace(settings, strict_plugins=False))
    found = registry.describe()
    documents = [_document(registry, one) for one in found]
    text: list[str] = []
    for one, document in zip(found, documents, strict=True):
        text += _lines(one, document)
    answer({"plugins": documents}, text or ["No plugin is installed."])
    if check and registry.failed:
        context.exit(ExitCode.FAILED)


def _document(registry: Registry, one: PluginDescription) -> dict[str, Any]:
    document: dict[str, Any] = {**dataclasses.asdict(one), "usable": not one.error}
    if one.kind == "provider" and not one.error:
        info = registry.provider(one.name).info
        document |= {
            "title": info.title,
            "aliases": list(info.aliases),
            "features": dataclasses.asdict(info.features),
            "in_words": words(info.features),
        }
    return document


def _lines(one: PluginDescription, document: dict[str, Any]) -> list[str]:
    head = f"{one.name}  {one.distribution} {one.version}"
    if one.error:
        return [head, f"    cannot be used: {one.error}"]
    if one.kind != "provider":
        return [f"{head}  (hooks: {', '.join(one.hooks) or 'none'})"]
    return [f"{head}  {document['title']}", f"    {', '.join(document['in_words'])}"]


def words(features: Features) -> list[str]:
    """What a provider can do, as words: flags by name, numbers with their unit."""
    found = [f"text of {features.max_text} characters"]
    found += [str(kind.value) for kind in features.media]
    found += [
        field.name.replace("_", " ")
        for field in dataclasses.fields(features)
        if getattr(features, field.name) is True
    ]
    for number, word in ((features.buttons, "buttons"), (features.list_rows, "list rows")):
        if number:
            found.append(f"{number} {word}")
    if features.window_hours is not None:
        found.append(f"window of {features.window_hours} hours")
    return found + [f"pairing by {way}" for way in features.pairing]
