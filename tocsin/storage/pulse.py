"""Whether something changed for a tenant since the last look: cheap enough for once a second."""

from __future__ import annotations

from tocsin.storage.record import Transaction

# Each is answered from an index: the newest row, and what is not over, which stays small.
LOOK = """
SELECT
  (SELECT max(t.id) FROM timeline t WHERE t.tenant = %(tenant)s) AS told,
  (SELECT concat(count(*), ' ', sum(hashtext(concat(i.id, i.state, i.severity, i.title))))
   FROM incident i WHERE i.tenant = %(tenant)s AND i.state <> 'resolved') AS incidents,
  (SELECT max(d.created_at) FROM delivery d WHERE d.tenant = %(tenant)s) AS newest,
  (SELECT concat(count(*), ' ', sum(d.fence), ' ', sum(d.attempts),
     ' ', sum(extract(epoch FROM d.due_at)))
   FROM delivery d WHERE d.tenant = %(tenant)s AND d.state = 'pending') AS waiting,
  (SELECT concat(count(*), ' ', sum(d.fence), ' ', sum(d.attempts))
   FROM delivery d WHERE d.tenant = %(tenant)s AND d.state = 'sending') AS sending,
  (SELECT count(*) FROM delivery d WHERE d.tenant = %(tenant)s AND d.state = 'dead') AS dead
"""


def look(tx: Transaction, tenant: int) -> dict[str, str]:
    """The version of each topic; another text than before means that something changed."""
    row = tx.row(LOOK, {"tenant": tenant})
    assert row is not None
    sent = " ".join(str(row[name]) for name in ("newest", "waiting", "sending", "dead"))
    return {"incidents": f"{row['told']} {row['incidents']}", "deliveries": sent}
