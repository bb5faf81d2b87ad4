"""Letters from the record to the mailbox: one conversation, and nobody left out in silence."""

from __future__ import annotations

from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.test_flush import fire, over
from tocsin.demo.fakes import faults
from tocsin.web import why

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    email:
      - host: 127.0.0.1
        port: %d
        tls: none
        from: Tocsin <alerts@example.org>
        to: [%s]
"""


def planned(hall: Hall, *boxes: str) -> Tenant:
    """A tenant with one letter that waits to be sent."""
    tenant = hall.tenant(POLICY % (hall.providers.mail.port, ", ".join(boxes)))
    fire(tenant, severity="critical")
    hall.ring("flush")
    return tenant


def deliver(hall: Hall) -> None:
    for queue in ("page", "notify"):
        hall.ring("deliver_email", queue=queue)


def test_an_incident_is_one_conversation(hall: Hall) -> None:
    box = "conversation@example.org"
    tenant = planned(hall, box)
    deliver(hall)
    tenant.send(alert("Disk", severity="critical", instance="db-2"))
    hall.ring("flush")
    deliver(hall)
    first, second = (each.parsed() for each in hall.providers.mail.messages(box))
    keys = tenant.column("SELECT id::text FROM delivery ORDER BY created_at, id")
    assert [first["Message-ID"], second["Message-ID"]] == [f"<{key}@example.org>" for key in keys]
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert tenant.column("SELECT provider_id FROM delivery ORDER BY created_at, id") == [
        first["Message-ID"], second["Message-ID"],
    ]  # fmt: skip


def test_the_end_is_told_in_the_same_conversation(hall: Hall) -> None:
    box = "end@example.org"
    tenant = planned(hall, box)
    deliver(hall)
    over(tenant, severity="critical")
    hall.ring("flush")
    deliver(hall)
    first, last = (each.parsed() for each in hall.providers.mail.messages(box))
    assert last["In-Reply-To"] == first["Message-ID"]
    assert last["X-Tocsin-State"] == "resolved"


def test_who_was_left_out_stands_in_the_record(hall: Hall) -> None:
    hall.providers.script.add(faults.Fault("status", status=550), dest="gone@example.org")
    tenant = planned(hall, "here@example.org", "gone@example.org")
    deliver(hall)
    assert len(hall.providers.mail.messages("here@example.org")) == 1
    [row] = tenant.rows("SELECT * FROM delivery")
    told = "The mail server did not take number 2 (550) of the 2 addresses of `to`."
    assert (row["state"], row["cause"]) == ("sent", told)
    assert tenant.column("SELECT error FROM delivery_attempt") == [told]
    assert why.state(row).endswith(f". {told}")


def test_a_lost_answer_is_sent_again_under_the_same_id(hall: Hall) -> None:
    box = "doubt@example.org"
    hall.providers.script.add(faults.Fault("cut_after", times=1), dest=box)
    tenant = planned(hall, box)
    deliver(hall)
    [row] = tenant.rows("SELECT * FROM delivery")
    assert (row["state"], row["in_doubt"]) == ("sending", True)
    hall.travel(row["due_at"] - tenant.now)
    deliver(hall)
    one, two = (each.parsed() for each in hall.providers.mail.messages(box))
    assert one["Message-ID"] == two["Message-ID"]
    body = two.get_body(("plain",))
    assert body
    assert "This may be a repeat" in body.get_content()
    assert tenant.column("SELECT state FROM delivery") == ["sent"]
