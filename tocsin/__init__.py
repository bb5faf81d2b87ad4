"""The core of Tocsin, a self-hosted, multi-tenant alert hub."""

from __future__ import annotations

__version__ = "0.1.0"
