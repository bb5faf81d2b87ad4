"""One file for each way in which alerts are posted to us.

A source defines `PATHS`, the URL paths that it answers, and `parse(body, now, resolve_timeout)`,
which returns `_batch.Parsed` or raises BadRequest where nothing could be read and TooLarge where
it was too much. It may define `accepted(parsed)` and `refused(error)`, each returning
`ingest.answers.Answer`, where its answers differ from ours. Files with an underscore are what
sources share.
"""
