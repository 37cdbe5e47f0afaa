"""The errors that stand inside webhook items, as text for people.

Owns: reading ``errors[]`` of every shape. Must not know: messages, statuses.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatport.reader import Tolerant

from .source import Source

MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something failed: the service's code, a sentence, what to do."""

    code: str
    message: str
    action: str
    link: str = ""


def first(source: Source, item: Tolerant) -> Reason | None:
    """The first readable error of an item; ``None`` where it has none."""
    errors = item.value.get("errors") if isinstance(item.value, dict) else None
    for error in errors if isinstance(errors, list) else ():
        found = of(source, Tolerant(error, f"{item.path}.errors"))
        if found is not None:
            return found
    return None


def of(source: Source, error: Tolerant) -> Reason | None:
    """One error: ``code``, ``title``, ``message``, and details in one of two places."""
    if not isinstance(error.value, dict):
        return None
    code, subcode = error.text("code"), error.text("error_subcode")
    told = error.text("title") or error.text("message")
    details = _details(error) or error.text("details")
    meaning = source.explain(code, subcode)
    words = [meaning.message if meaning else told, details or (told if meaning else "")]
    message = " ".join(word.strip() for word in words if word.strip())
    if not message:
        message = f"WhatsApp gave the error {code} without words." if code else ""
    if not message:
        return None
    action = meaning.action if meaning else "Look the code up in Meta's list of errors."
    return Reason(code[:32], message[:MAX_TEXT], action, error.text("href")[:MAX_TEXT])


def _details(error: Tolerant) -> str:
    data = error.value.get("error_data")
    if isinstance(data, str):
        return data
    return Tolerant(data, error.path).text("details") if isinstance(data, dict) else ""
