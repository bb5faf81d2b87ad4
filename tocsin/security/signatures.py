"""Signatures that senders put on what they post: who holds the secret said just this."""

from __future__ import annotations

import hashlib
import hmac

#: The file of a tenant's secrets that Grafana signs with.
GRAFANA_SECRET = "grafana-signing"
GRAFANA_HEADER = "X-Grafana-Alerting-Signature"
#: Grafana has no name of its own for this header; this is the one to enter there.
GRAFANA_TIMESTAMP = "X-Grafana-Alerting-Signature-Timestamp"


def grafana(secret: str, body: bytes, timestamp: str | None = None) -> str:
    """What Grafana writes into GRAFANA_HEADER; `timestamp` is in Unix seconds."""
    signed = body if timestamp is None else f"{timestamp}:".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
