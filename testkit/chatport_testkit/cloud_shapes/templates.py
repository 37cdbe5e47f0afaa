"""Message templates: storage, paging, rules of creation. Knows no HTTP and no message that uses them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .catalogue import GraphError
from .identifiers import Identifiers

JSON = dict[str, Any]

STATUSES = frozenset(
    {
        "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "DELETED",
        "ARCHIVED", "LIMIT_EXCEEDED", "FLAGGED", "LOCKED",
    }
)  # fmt: skip
CATEGORIES = frozenset({"AUTHENTICATION", "MARKETING", "UTILITY"})
DEFAULT_PAGE = 25
MAX_PAGE = 1000

_NAME = re.compile(r"^[a-z0-9_]{1,512}$")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(_[A-Z]{2})?$")
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


def variables(text: str) -> list[str]:
    """Names or numbers between double braces, each once, in order."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


@dataclass(slots=True)
class Template:
    """A template in one language. ``components`` are kept as they were given."""

    id: str
    waba_id: str
    name: str
    language: str
    category: str
    components: list[JSON]
    status: str = "APPROVED"
    parameter_format: str = "POSITIONAL"
    sub_category: str | None = None
    rejected_reason: str | None = None
    quality_score: str | None = None

    def component(self, kind: str) -> JSON | None:
        return next((c for c in self.components if str(c.get("type", "")).upper() == kind), None)

    def node(self, fields: Sequence[str] | None = None) -> JSON:
        """As the API shows it; ``fields`` selects, ``id`` is always there."""
        full: JSON = {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
        }
        if self.sub_category is not None:
            full["sub_category"] = self.sub_category
        if fields and "rejected_reason" in fields:
            full["rejected_reason"] = self.rejected_reason or "NONE"
        if fields and "quality_score" in fields:
            full["quality_score"] = {"score": self.quality_score or "UNKNOWN"}
        shown = {key: value for key, value in full.items() if not fields or key in fields}
        return {**shown, "id": self.id}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of templates with Graph's cursors; ``more`` when another one follows."""

    items: list[Template]
    before: str = ""
    after: str = ""
    more: bool = False
    has_previous: bool = False


@dataclass
class TemplateStore:
    """Templates of all accounts. Not thread-safe: the simulation's lock guards it."""

    ids: Identifiers
    default_waba: str = ""
    #: More templates than this on a page are answered with code 1; None: no such limit.
    heavy_page: int | None = None
    _templates: list[Template] = field(default_factory=list)

    def add(
        self,
        name: str,
        language: str = "en_US",
        category: str = "UTILITY",
        components: list[JSON] | str | None = None,
        *,
        status: str = "APPROVED",
        parameter_format: str = "POSITIONAL",
        waba_id: str = "",
        sub_category: str | None = None,
        template_id: str | None = None,
    ) -> Template:
        """Store a template without the checks of the API; a ``str`` stands for a body component alone."""
        if isinstance(components, str):
            components = [{"type": "BODY", "text": components}]
        template = Template(
            template_id or self.ids.number("16"),
            waba_id or self.default_waba,
            name,
            language,
            category,
            components or [{"type": "BODY", "text": "Hello"}],
            status,
            parameter_format,
            sub_category,
        )
        self._templates.append(template)
        return template

    def find(self, waba_id: str, name: str, language: str) -> Template | None:
        return next(
            (t for t in self.of(waba_id) if t.name == name and t.language == language), None
        )

    def by_id(self, template_id: str) -> Template | None:
        return next((t for t in self._templates if t.id == template_id), None)

    def named(self, name: str, language: str | None = None) -> list[Template]:
        return [t for t in self._templates if t.name == name and language in {None, t.language}]

    def of(self, waba_id: str) -> list[Template]:
        return [t for t in self._templates if t.waba_id == waba_id]

    def all(self) -> list[Template]:
        return list(self._templates)

    def __len__(self) -> int:
        return len(self._templates)

    def page(
        self, waba_id: str, *, limit: int, after: str, before: str, filters: dict[str, str]
    ) -> Page:
        """One page.

        Raises:
            GraphError: 131059 for a cursor of nobody's, 1 for more data than ``heavy_page``.
        """
        items = [t for t in self.of(waba_id) if _fits(t, filters)]
        limit = min(limit, MAX_PAGE)
        if self.heavy_page is not None and min(limit, len(items)) > self.heavy_page:
            raise GraphError(
                1, message="Please reduce the amount of data you're asking for, then retry"
            )
        start = _offset(after) if after else 0
        if before:
            start = max(0, _offset(before) - 1 - limit)
        chosen = items[start : start + limit]
        if not chosen:
            return Page([])
        end = start + len(chosen)
        return Page(chosen, _cursor(start + 1), _cursor(end), end < len(items), start > 0)

    def create(self, waba_id: str, body: JSON) -> Template:
        """Create as the API does, ``PENDING``.

        Raises:
            GraphError: code 100 with the subcode of the rule that is broken.
        """
        name, language = str(body.get("name", "")), str(body.get("language", ""))
        for key in ("name", "language", "category", "components"):
            if not body.get(key):
                raise GraphError(100, message=f"The parameter {key} is required.")
        if not _NAME.fullmatch(name):
            raise _refused(
                2388019, "Message template name may hold lower-case letters, digits and _ only"
            )
        if not _LANGUAGE.fullmatch(language):
            raise GraphError(100, message="Param language must be a supported language code")
        if body["category"] not in CATEGORIES:
            raise GraphError(
                100, message="Param category must be one of {AUTHENTICATION, MARKETING, UTILITY}"
            )
        existing = self.find(waba_id, name, language)
        if existing is not None and existing.status in {"PENDING_DELETION", "DELETED"}:
            raise _refused(2388023, "Message template language is being deleted")
        if existing is not None:
            raise _refused(2388024, "Content in this language already exists")
        check_components(body["components"])
        return self.add(
            name,
            language,
            str(body["category"]),
            body["components"],
            status="PENDING",
            parameter_format=str(body.get("parameter_format", "POSITIONAL")).upper(),
            waba_id=waba_id,
        )

    def edit(self, template: Template, body: JSON) -> None:
        if "components" in body:
            check_components(body["components"])
            template.components = body["components"]
        if "category" in body:
            template.category = str(body["category"])
        template.status = "PENDING"

    def delete(self, waba_id: str, *, name: str, ids: Sequence[str] = ()) -> int:
        """Remove by ids, or all languages of ``name``; the number of removed templates."""
        gone = [t for t in self.of(waba_id) if (t.id in ids if ids else t.name == name)]
        for template in gone:
            self._templates.remove(template)
        return len(gone)


def check_components(components: Any) -> None:
    """Refuse what Meta refuses at creation.

    Raises:
        GraphError: code 100 with a subcode.
    """
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise GraphError(100, message="Param components must be an array.")
    body = next((c for c in components if str(c.get("type", "")).upper() == "BODY"), None)
    if body is None or not body.get("text"):
        raise _refused(2388072, "A template needs a body with text")
    text = str(body["text"]).strip()
    if len(text) > 1024:
        raise _refused(2388040, "The body is longer than 1024 characters")
    if text.startswith("{{") or text.endswith("}}"):
        raise _refused(2388299, "Variables can't be at the start or end of the template")
    if variables(text) and not body.get("example"):
        raise _refused(2388293, "The body has variables but no example values")
    footer = next((c for c in components if str(c.get("type", "")).upper() == "FOOTER"), None)
    if footer and (len(str(footer.get("text", ""))) > 60 or variables(str(footer.get("text", "")))):
        raise _refused(2388073, "The footer may hold 60 characters and no variables")


def _refused(subcode: int, why: str) -> GraphError:
    return GraphError(
        100, subcode=subcode, message="Invalid parameter", user_title=why, user_message=why
    )


def _fits(template: Template, filters: dict[str, str]) -> bool:
    for key in ("status", "category", "language"):
        wanted = filters.get(key)
        if wanted and getattr(template, key) not in wanted.split(","):
            return False
    name = filters.get("name")
    if name and name not in template.name:
        return False
    exact = filters.get("name_or_content")
    return not exact or exact in template.name or exact in str(template.components)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode().rstrip("=") + "ZD"


def _offset(cursor: str) -> int:
    raw = cursor.removesuffix("ZD")
    try:
        text = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode()
        if text[:1] != "p":
            raise ValueError(text)
        return int(text[1:])
    except (ValueError, binascii.Error) as error:
        raise GraphError(131059, "The cursor is not one of this listing.") from error
