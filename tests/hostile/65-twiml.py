"""65: what would play a sound or send a message, in the answer to a text."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.hostile import scenes, words

TEXT = "</Message></Response><Play>http://evil.example/x.mp3</Play>&]]>"
POLICY = (
    scenes.POLICY
    + """
people: [{name: anna, phone: "{phone}"}]
"""
)
CASES = [words.hook(words.literal(TEXT), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """The answer is one message, whatever the incident is called."""
    url = f"{scene.stack.url}/t/{scene.tenant.slug}/callbacks/sms/reply"
    twilio = scene.stack.providers.twilio
    for number, said in enumerate(("1", TEXT, "?")):
        fields = {
            "MessageSid": f"SM{number:032x}", "From": scene.phone, "To": "+15005550006",
            "Body": said, "AccountSid": twilio.account, "NumMedia": "0",
        }  # fmt: skip
        answer = twilio.post(url, fields)
        assert answer.status_code == 200, answer.text
        read = ElementTree.fromstring(answer.text)
        assert {each.tag for each in read.iter()} <= {"Response", "Message"}
        assert len(read) <= 1
    assert scene.incident()["state"] == "acknowledged"
