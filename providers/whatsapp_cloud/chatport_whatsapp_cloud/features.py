"""What the Cloud API can do, as declared to Chatport.

Owns: the features. Must not know: how anything is sent.
"""

from __future__ import annotations

from dataclasses import replace

from chatport_meta.features import MESSAGING

#: Meta takes eighty messages a second from a number; some of them at once keep a campaign from blocking a chat.
FEATURES = replace(MESSAGING, concurrency=8)
