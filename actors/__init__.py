"""The Dramatiq actors, one verb a file. Nobody imports them: they are rung by name."""

from __future__ import annotations

import dramatiq

from actors import _runtime
from tocsin import logs, plugins

logs.setup(_runtime.configured().log_level)
dramatiq.set_broker(_runtime.broker())
plugins.load("actors")
