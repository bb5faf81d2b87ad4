"""The core of Tocsin, a self-hosted, multi-tenant alert hub."""

__version__ = "0.1.0"
