"""The record: tables, migrations and their queries, one file per aggregate."""
