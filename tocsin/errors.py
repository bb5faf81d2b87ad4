"""Every error that Tocsin raises on purpose; the message says what to do about it."""

from __future__ import annotations


class TocsinError(Exception):
    """Something went wrong in Tocsin."""

    status = 500
    title = "Internal error"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        super().__init__(self.message)


class NotAuthenticated(TocsinError):
    """No valid token came with the request.

    Send `Authorization: Bearer <token>`; make one with `tocsin token add`.
    """

    status = 401
    title = "Not authenticated"


class Forbidden(TocsinError):
    """This token may not do that.

    Ask an admin of your tenant for a token with the scope that is needed.
    """

    status = 403
    title = "Forbidden"


class NotFound(TocsinError):
    """There is no such thing in your tenant. Check the id and the tenant of your token."""

    status = 404
    title = "Not found"


class Conflict(TocsinError):
    """The thing has changed meanwhile.

    Read it again and repeat your change if it still makes sense.
    """

    status = 409
    title = "Conflict"


class BadRequest(TocsinError):
    """The request could not be understood. See the detail for the field and the reason."""

    status = 400
    title = "Bad request"


class TooLarge(TocsinError):
    """The request is over the limit. Send smaller batches."""

    status = 413
    title = "Request too large"


class TooOften(TocsinError):
    """That was asked for a moment ago. Wait a little and ask again."""

    status = 429
    title = "Too often"


class RecordAway(TocsinError):
    """The record (PostgreSQL) does not answer, so nothing was accepted.

    Send it again; it heals by itself once the database is back.
    """

    status = 503
    title = "The record is away"


class PolicyError(TocsinError):
    """The policy document is not valid. The one that was running before keeps running."""

    status = 422
    title = "Policy not valid"

    def __init__(self, problems: list[tuple[int | None, str]]) -> None:
        self.problems = problems
        super().__init__(
            "\n".join(f"line {line}: {text}" if line else text for line, text in problems)
        )


class SetupError(TocsinError):
    """Tocsin could not be started. The message says which part and what to do."""


class Retryable(TocsinError):
    """The channel could not deliver now but may later.

    ``after`` is the number of seconds that the provider asked us to wait (None: our own back-off
    decides). ``in_doubt`` is True where the message may have arrived all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "other",
        after: float | None = None,
        in_doubt: bool = False,
        status_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.after, self.in_doubt, self.status_code = (
            reason,
            after,
            in_doubt,
            status_code,
        )


class Permanent(TocsinError):
    """The channel will never deliver this without a change; it goes to the dead letters.

    ``reason`` is one of clientError, authError, configError, other: it becomes a metric label.
    """

    def __init__(
        self, message: str, *, reason: str = "other", status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.status_code = reason, status_code


class Again(TocsinError):
    """Another worker was quicker; the same work must be done again on what it left."""

    status = 409


class PoisonRow(TocsinError):
    """This row made its worker fail each time; it was taken out of the way into the quarantine."""


class Invalid(TocsinError):
    """Something in the request is not valid.

    See the errors for each place and what to write there.
    """

    status = 422
    title = "Request not valid"

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{pointer}: {detail}" for pointer, detail in problems[:3]))


class MethodNotAllowed(TocsinError):
    """This path is for another method; the Allow header names it."""

    status = 405
    title = "Method not allowed"

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow


class TooSlow(TocsinError):
    """The body did not arrive in time, so nothing was accepted. Send it again, in smaller parts."""

    status = 408
    title = "Request timeout"


class UnsupportedEncoding(TocsinError):
    """Content-Encoding may be gzip or absent. Send the body as it is or compress it with gzip."""

    status = 415
    title = "Unsupported content encoding"


class Busy(TocsinError):
    """More waits to be stored than this process may hold. Nothing was accepted; send it again."""

    status = 503
    title = "Busy"


class Overloaded(TocsinError):
    """What was accepted is not worked on in time, so nothing more is. Send it again later.

    It heals by itself once the workers have caught up; see `/-/ready` for what is late.
    """

    status = 503
    title = "Overloaded"


class NoRoom(TocsinError):
    """The disk of the record is full, so nothing was accepted. Make room there; send it again."""

    status = 503
    title = "No room"


class Stale(TocsinError):
    """Somebody else changed it after you read it, so nothing was written.

    Read it again, and repeat your change with the ETag that comes with it.
    """

    status = 412
    title = "Changed meanwhile"


class NoVersion(TocsinError):
    """A change must say which version it is of, so that two editors do not overwrite each other.

    Read it, and send the ETag that comes with it as the header If-Match.
    """

    status = 428
    title = "If-Match is missing"


class Unconfirmed(TocsinError):
    """Who sent this could not be confirmed now, so nothing was accepted. Send it again later."""

    status = 503
    title = "Sender not confirmed"
