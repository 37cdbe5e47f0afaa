"""Checks of what a provider declares: packaging, constant, schema, hooks, features.

Owns: these checks. Must not know: any provider.
"""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points, requires

import pytest
from marshmallow import ValidationError

from chatport import HOOK_API, ProviderInfo
from chatport.plugins import Registry
from chatport.schema import describe, generated_names, secret_names

from .case import SHORTEST_SECRET, ProviderCase
from .samples import arguments

#: Nothing is ever called at this address.
NOWHERE = "http://127.0.0.1:9"

#: What a feature needs to be true: the hook that does it.
HOOK_OF_FEATURE = {
    "typing": "send_typing",
    "read_receipts": "mark_read",
    "pairing": "start_pairing",
    "history": "fetch_history",
    "find_sent": "find_sent",
    "templates": "fetch_templates",
    "connection_poll_seconds": "connection_status",
}
#: Hooks that are also useful without the feature.
_ALSO_WITHOUT = ("connection_status",)


class DeclarationChecks:
    """What can be judged without a service."""

    case: ProviderCase

    def entry_point(self) -> EntryPoint:
        """The installed entry point of the provider."""
        found = [e for e in entry_points(group="chatport.providers") if e.name == self.case.key]
        assert found, (
            f"no installed distribution has the entry point {self.case.key!r} in the group "
            "chatport.providers: declare it, then pip install --editable ."
        )
        return found[0]

    def test_entry_point_names_the_plugin(self) -> None:
        entry = self.entry_point()

        assert entry.value == self.case.plugin.__name__
        assert entry.load() is self.case.plugin

    def test_distribution_requires_chatport_below_the_next_breaking_version(self) -> None:
        distribution = self.entry_point().dist
        assert distribution is not None
        wanted = [r for r in requires(distribution.name) or () if _name(r) == "chatport"]

        assert wanted, "the distribution does not require chatport"
        assert "<" in wanted[0], f"{wanted[0]!r} has no upper bound; write chatport>=0.1,<0.2"

    def test_core_accepts_the_plugin(self) -> None:
        registry = Registry.from_modules({self.case.key: self.case.plugin})

        assert [str(failure) for failure in registry.failed] == []
        assert list(registry.providers) == [self.case.key]

    def test_constant_provider_is_complete(self) -> None:
        info = self.case.plugin.PROVIDER

        assert isinstance(info, ProviderInfo)
        assert info.hook_api == HOOK_API
        assert info.title.strip() and info.description.strip()
        assert info.content_types
        assert 200 <= info.answer_status < 300

    def test_every_field_has_a_label(self) -> None:
        fields = describe(self.case.info.schema)

        assert fields, "the schema has no fields"
        assert [f.name for f in fields if f.label == f.name] == [], "give these a label"

    def test_schema_accepts_the_sample_configuration(self) -> None:
        config = self.case.channel(NOWHERE).config

        assert set(config) <= set(self.case.info.schema().fields)

    def test_sample_configuration_has_values_for_its_secrets(self) -> None:
        """Otherwise the checks for leaks would look for nothing."""
        secrets = self.case.secrets(self.case.channel(NOWHERE))

        if secret_names(self.case.info.schema):
            assert secrets, f"give a secret of {SHORTEST_SECRET} or more characters in the case"

    def test_schema_survives_storing_and_loading(self) -> None:
        """The core stores the dumped configuration and loads it again before every call."""
        schema = self.case.info.schema()
        config = schema.load(dict(self.case.config(NOWHERE)))

        assert schema.load(schema.dump(config)) == config

    def test_schema_refuses_unknown_fields_and_wrong_types(self) -> None:
        schema = self.case.info.schema()
        good = dict(self.case.config(NOWHERE))

        with pytest.raises(ValidationError):
            schema.load({**good, "no_such_field": "x"})
        for name in good:
            with pytest.raises(ValidationError):
                schema.load({**good, name: {"an": "object"}})

    def test_generated_secrets_may_be_absent(self) -> None:
        config = dict(self.case.config(NOWHERE))
        generated = generated_names(self.case.info.schema)
        ours = "0123456789abcdef0123456789abcdef"

        self.case.info.schema().load({**config, **dict.fromkeys(generated, ours)})

        assert generated <= secret_names(self.case.info.schema)

    def test_declared_features_have_their_hooks(self) -> None:
        features, hooks = self.case.info.features, self.case.handle().hooks
        claimed = {name for name in HOOK_OF_FEATURE if getattr(features, name)}

        lacking = {name: HOOK_OF_FEATURE[name] for name in claimed} if claimed else {}
        lacking = {name: hook for name, hook in lacking.items() if hook not in hooks}

        assert lacking == {}, "declared features without the hook that does them"

    def test_implemented_hooks_are_declared_as_features(self) -> None:
        features, hooks = self.case.info.features, self.case.handle().hooks

        unused = {
            hook: name
            for name, hook in HOOK_OF_FEATURE.items()
            if hook in hooks and not getattr(features, name) and hook not in _ALSO_WITHOUT
        }

        assert unused == {}, "hooks that the core will never call, because the feature is missing"

    def test_avatars_have_contact_info(self) -> None:
        if self.case.info.features.avatars:
            assert self.case.handle().implements("contact_info")

    def test_limits_make_sense(self) -> None:
        features = self.case.info.features

        assert features.max_text >= 1 and features.max_caption >= 0
        assert features.concurrency >= 1
        assert set(features.pairing) <= {"qr", "code"}
        assert features.contacts == (features.max_contacts > 0), "contacts and max_contacts differ"
        assert features.window_hours is None or features.window_hours > 0
        assert features.connection_poll_seconds is None or features.connection_poll_seconds > 0
        assert [k for k, limit in features.media.items() if limit.max_bytes <= 0] == []
        assert [
            content_type
            for limit in features.media.values()
            for content_type in limit.content_types
            if content_type != content_type.lower() or content_type.count("/") != 1
        ] == []

    def test_hooks_name_all_arguments_they_could_use(self) -> None:
        """A hook may leave out arguments; ``channel`` it always needs."""
        handle = self.case.handle()
        named = {
            hook: inspect.signature(getattr(self.case.plugin, hook)).parameters
            for hook in handle.hooks & {*arguments(self.case.info.features), "send_message"}
        }

        assert [hook for hook, parameters in named.items() if "channel" not in parameters] == []

    def test_channel_addresses_are_texts(self) -> None:
        addresses = self.case.handle().channel_addresses(self.case.channel(NOWHERE))

        assert [one for one in addresses if not one.strip()] == []

    def test_no_secret_in_representations(self) -> None:
        """Of the channel, as it stands in every log line about it, and of the declaration."""
        channel = self.case.channel(NOWHERE)
        text = f"{channel!r}{self.case.info!r}"

        assert [s[:2] + "…" for s in self.case.secrets(channel) if s in text] == []


def _name(requirement: str) -> str:
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end].lower()
