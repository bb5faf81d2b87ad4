"""37: ways out of a folder, out of a tenant, past a filter of a proxy."""

from __future__ import annotations

from tests.hostile import words

SIZED = b"Content-Length: 2\r\n\r\n[]"
POSTS = (
    b"//webhooks/alertmanager", b"/webhooks/%2e%2e/webhooks/alertmanager",
    b"/webhooks/alertmanager%00", b"/webhooks/alertmanager/..;/x", b"/webhooks//alertmanager",
    b"/t/..%2fb/webhooks/alertmanager", b"/t/../b/webhooks/alertmanager",
    b"/t//webhooks/alertmanager", b"/i//alertmanager", b"/webhooks\\alertmanager",
    b"/webhooks/mapped/..%2f..%2fx", b"/webhooks/mapped/",
)  # fmt: skip
GETS = (
    b"//api/v1/alerts", b"/api/..;/v1/alerts", b"/api/v1/alerts/..%2f..%2fpolicy",
    b"/api/v1/alerts/%00", b"/api/v1/alerts%3f", b"/api/v1//alerts", b"/ui/static/..%2fapp.py",
    b"/ui/static/%2e%2e%2f%2e%2e%2fapp.py", b"/ui/static/..%5capp.py", b"/ui/static//etc/passwd",
    b"/api/v1/oncall/..%2fx/calendar.ics", b"/%2e%2e/%2e%2e/etc/passwd",
    b"/static/../../etc/passwd",
)  # fmt: skip
ASK = b"GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n"
CASES = [
    *(words.raw(SIZED, b"404", b"403", b"401", path=path) for path in POSTS),
    *(words.Raw(ASK % path, frozenset((b"404", b"303"))) for path in GETS),
    words.raw(SIZED, b"404", path=b"/webhooks/mapped/" + b"x" * 5000),
]
