"""Labels are searched by tags: an array in the alert's row under an inverted index.

A row for each label was a quarter of what storing a new alert cost, and most of its bytes.

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from tocsin.domain import tags
from tocsin.storage.migrations import guards

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

PAGE = 5000
#: Under row-level security no inverted index is used: its operators are not leakproof. So this
#: looks without, and says nothing to a transaction in which the tenant does not exist.
LABELLED = """
CREATE FUNCTION labelled(p_tenant bigint, p_tags bigint[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT fingerprint FROM alert WHERE tenant = p_tenant AND tags @> p_tags
    AND p_tenant = ANY(string_to_array(
      NULLIF(current_setting('tocsin.tenants', true), ''), ',')::bigint[])
$$
"""
#: What the pruning of synthetic alerts says of labels, and what it says from now on.
PRUNED = (
    (
        """SELECT 1 FROM alert_label l WHERE l.tenant = s.tenant AND l.fingerprint = s.fingerprint
        AND l.name = 'alertname' AND l.value = 'TocsinSynthetic')""",
        """SELECT 1 FROM alert a WHERE a.tenant = s.tenant AND a.fingerprint = s.fingerprint
        AND a.labels::json ->> 'alertname' = 'TocsinSynthetic')""",
    ),
    (
        "  DELETE FROM alert_label WHERE tenant = p_tenant AND fingerprint = ANY(marks);\n"
        "  DELETE FROM alert WHERE",
        "  DELETE FROM alert WHERE",
    ),
)
NEXT = """
SELECT tenant, fingerprint, labels, added, ruled FROM alert
WHERE (tenant, fingerprint) > (:tenant, :fingerprint) ORDER BY tenant, fingerprint LIMIT :page
"""
FILL = """
UPDATE alert a SET tags = r.tags
FROM json_to_recordset(:items) AS r (tenant bigint, fingerprint text, tags bigint[])
WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint
"""
LABELS = """
INSERT INTO alert_label (tenant, name, value, fingerprint)
SELECT a.tenant, l.key, l.value, a.fingerprint
FROM alert a, json_each_text(coalesce(nullif(%s, ''), '{}')::json) AS l ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.add_column(
        "alert",
        sa.Column("tags", sa.ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
    )
    _fill(op.get_bind())
    # What waits to be sorted into the index is bounded, and with it how long whoever sorts waits.
    op.create_index(
        "alert_tags", "alert", ["tags"], postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 1024},
    )  # fmt: skip
    op.execute("CREATE POLICY of_claims ON alert TO tocsin_claims USING (true)")
    op.execute("GRANT SELECT ON alert TO tocsin_claims")
    op.execute(LABELLED)
    guards.expose(["labelled(bigint, bigint[])"])
    _rewrite(PRUNED)
    op.drop_table("alert_label")


def downgrade() -> None:
    op.create_table(
        "alert_label",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
    )
    guards.protect("alert_label", "SELECT, INSERT, DELETE")
    for column in ("a.labels", "a.added", "a.ruled"):
        op.execute(LABELS % column)
    _rewrite((new, old) for old, new in PRUNED)
    op.execute("DROP FUNCTION labelled")
    op.execute("REVOKE SELECT ON alert FROM tocsin_claims")
    op.execute("DROP POLICY of_claims ON alert")
    op.drop_column("alert", "tags")


def _fill(bind: sa.Connection) -> None:
    """Mark what is stored, also under labels that it got later."""
    last: dict[str, Any] = {"tenant": 0, "fingerprint": ""}
    while rows := bind.execute(sa.text(NEXT), {**last, "page": PAGE}).mappings().all():
        items = [
            {"tenant": row["tenant"], "fingerprint": row["fingerprint"],
             "tags": tags.of(row["tenant"], _pairs(row))}
            for row in rows
        ]  # fmt: skip
        bind.execute(sa.text(FILL), {"items": orjson.dumps(items).decode()})
        last = {name: rows[-1][name] for name in last}


def _pairs(row: Any) -> list[tuple[str, str]]:
    texts = (row["labels"], row["added"], row["ruled"])
    return [pair for text in texts if text for pair in orjson.loads(text).items()]


def _rewrite(changes: Any) -> None:
    """Change a function where it stands; the rest of it is none of this migration's business."""
    name = "'prune_synthetic(bigint, timestamptz)'::regprocedure"
    text = op.get_bind().execute(sa.text(f"SELECT pg_get_functiondef({name})")).scalar_one()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    op.get_bind().exec_driver_sql(text.replace("%", "%%"))
