"""What lies in the quarantine: how to open it and how to try it again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import zstandard

from schemas.alert import Batch
from tocsin import errors
from tocsin.security import crypto, signatures, tokens
from tocsin.storage import intake
from tocsin.storage.record import Record, Transaction

#: The field of rows that were read well but crashed their workers; their body is a whole batch.
DRAINED = "drain"
LARGEST = 256 * 1024 * 1024
SECONDS = 30.0


def content(tx: Transaction, held: dict[str, Any], master_key: Path | None) -> bytes:
    """The original bytes of an alert, or the alerts of a batch as JSON.

    Raises TocsinError where it does not open.
    """
    if not held["body"]:
        raise errors.NotFound("its body was dropped by the retention; there is nothing to see")
    sealer = crypto.from_file(master_key)
    body = sealer.open(tx, held["tenant"], bytes(held["body"]))
    if held["field"] != DRAINED:
        return body
    packed = zstandard.ZstdDecompressor().decompress(body, max_output_size=LARGEST)
    batch = msgspec.msgpack.decode(packed, type=Batch)
    alerts = [msgspec.structs.asdict(alert) for alert in batch.alerts]
    return msgspec.json.format(msgspec.json.encode(alerts)) + b"\n"


def put_back(tx: Transaction, held: dict[str, Any]) -> None:
    """Give a batch to the pipeline once more, in this transaction."""
    if not held["body"]:
        raise errors.NotFound("its body was dropped by the retention; it cannot be replayed")
    body = bytes(held["body"])
    intake.append_now(
        tx, intake.Accepted(held["tenant"], held["source"], held["alerts"], False, body)
    )


#: How a source wants one alert, where it is not in a document of ours. Mapped sources and
#: CloudWatch keep what was refused in a document that they can read again as it is.
ENVELOPES = {"prometheus": b"[%s]", "mapped": b"%s", "cloudwatch": b"%s"}


def post(
    record: Record, tenant: int, url: str, source: str, original: bytes, by: str,
    secrets: Path | None = None,
) -> None:  # fmt: skip
    """Post an alert as it was to the source that refused it. Raises BadRequest if it does again.

    `secrets` is the folder of the tenant's secrets: a source that wants a signature gets one.
    """
    if not url:
        raise errors.SetupError("no address is known: is `tocsin up` running? Else give --url")
    body = ENVELOPES.get(source.partition("/")[0], b'{"alerts":[%s]}') % original
    with _token(record, tenant, by) as token:
        try:
            # The address with the key in it names every source alike, wherever its own path is.
            answer = httpx.post(
                f"{url.rstrip('/')}/i/{token}/{source}",
                content=body,
                headers={"Content-Type": "application/json", **_signed(source, body, secrets)},
                timeout=SECONDS,
            )
        except httpx.TransportError as error:
            raise errors.SetupError(
                f"nothing answers at {url} ({type(error).__name__}): is Tocsin running there?"
            ) from error
    said = _refusal(answer)
    if said:
        raise errors.BadRequest(said)


def _signed(source: str, body: bytes, secrets: Path | None) -> dict[str, str]:
    """The header with the signature that Grafana would have made, where one is wanted."""
    file = secrets / signatures.GRAFANA_SECRET if secrets and source == "grafana" else None
    if file is None or not file.exists():
        return {}
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be read: run this as the user of Tocsin") from error
    return {signatures.GRAFANA_HEADER: signatures.grafana(secret, body)}


def _refusal(answer: httpx.Response) -> str:
    """Why it was refused; empty where it was accepted."""
    try:
        document = answer.json() if answer.content else {}
    except ValueError:
        document = {}
    rejected = document.get("rejected") if isinstance(document, dict) else None
    if rejected:
        return f"{rejected[0]['field']}: {rejected[0]['reason']}"
    if answer.is_success:
        return ""
    detail = document.get("detail") if isinstance(document, dict) else document
    return str(detail or answer.text[:200] or answer.status_code)


@contextmanager
def _token(record: Record, tenant: int, by: str) -> Iterator[str]:
    """A token that lives as long as the replay."""
    with record.session([tenant]) as tx:
        token = tokens.create(tx, tenant, "replay of the quarantine", ["ingest"], by)
        made: uuid.UUID = tokens.look_up(tx, token).token
    try:
        yield token
    finally:
        with record.session([tenant]) as tx:
            tokens.revoke(tx, tenant, made, by)
