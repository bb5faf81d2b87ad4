"""Alertmanager's own API, version 2, for the clients there are: amtool, karma, Grafana.

Alerts are posted to the ingest; everything else of that API is here, one file per noun.
"""
