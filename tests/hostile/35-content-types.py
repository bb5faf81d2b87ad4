"""35: a body that is called text, a form, another alphabet: it is read as what it is."""

from __future__ import annotations

from tests.hostile import words

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n[]\r\n--x--\r\n'
CASES = [
    words.packed(words.FINE, 200, Content_Type="text/plain"),
    words.packed(words.FINE, 200, Content_Type="application/json; charset=utf-7"),
    words.packed(words.FINE, 200, Content_Type="application/json; charset=utf-16"),
    words.packed(words.FINE, 200, Content_Type=""),
    words.packed(b"title=a&severity=critical", 400, **FORM),
    words.packed(PARTS, 400, **MULTIPART),
    words.Case(words.API + "/silences", b"matchers=a", 422, headers=FORM),
    words.Case(words.API + "/silences", PARTS, 422, headers=MULTIPART),
    words.Case(words.API + "/silences", b"{}", 422, headers={"Content-Type": "text/plain"}),
    words.Case("/ui/login", b"token=x" * 9000, 401, headers=FORM),
    words.Case("/ui/login", b"{}", 401, headers={"Content-Type": "application/json"}),
    words.Case("/ui/login", PARTS, 401, headers=MULTIPART),
    words.Case("/ui/login", b"--x\r\n" * 5000, frozenset((400, 401)), headers=MULTIPART),
]
