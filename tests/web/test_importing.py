"""Configurations of Alertmanager made policies over HTTP."""

from __future__ import annotations

from tests.web.conftest import Someone, Web

TEXT = """
route: {receiver: team}
receivers:
  - name: team
    slack_configs: [{channel: "#team", text: '{{ template "acme" . }}'}]
    pagerduty_configs: [{routing_key: s3cret}]
"""
WORDS = '{{ define "acme" }}{{ .CommonLabels.alertname }}{{ end }}'


def test_what_comes_back_can_be_applied(web: Web, someone: Someone) -> None:
    body = {"format": "alertmanager", "document": TEXT, "templates": {"acme.tmpl": WORDS}}
    found = web.client.post("/api/v1/policy/import", json=body, headers=someone.as_("admin"))
    assert found.status_code == 200
    made = found.json()
    assert made["valid"]
    assert (made["silent"], made["poorer"]) == ([], ["team"])
    assert "labels.alertname" in made["document"]
    assert "s3cret" not in found.text
    lost = [note for note in made["notes"] if note["kind"] == "left_out"]
    assert [(note["line"], note["place"]) for note in lost] == [
        (6, "receivers[0].pagerduty_configs[0]")
    ]
    before = web.client.get("/api/v1/policy", headers=someone.as_("admin"))
    assert before.json()["version"] is None
    done = web.client.put(
        "/api/v1/policy", json={"document": made["document"]},
        headers={**someone.as_("admin"), "If-Match": before.headers["ETag"]},
    )  # fmt: skip
    assert done.status_code == 200


def test_what_is_no_configuration_is_refused_with_its_line(web: Web, someone: Someone) -> None:
    for document, said in (("route: [", "not valid YAML"), ("a: b", "no `route:`")):
        found = web.client.post(
            "/api/v1/policy/import", json={"format": "alertmanager", "document": document},
            headers=someone.as_("admin"),
        )  # fmt: skip
        assert found.status_code == 422
        assert said in found.text
    found = web.client.post(
        "/api/v1/policy/import", json={"format": "icinga", "document": ""},
        headers=someone.as_("admin"),
    )  # fmt: skip
    assert found.status_code == 422
