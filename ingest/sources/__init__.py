"""One file for each way in which alerts are posted to us.

A source defines `PATHS`, the URL paths that it answers, and `parse(body, now, resolve_timeout)`,
which returns `_batch.Parsed` or raises BadRequest where nothing could be read and TooLarge where
it was too much. It may define `accepted(parsed)` and `refused(error)`, each returning
`ingest.answers.Answer`, where its answers differ from ours. Files with an underscore are what
sources share.

A source that must know more than the body defines `async admit(call, body)`, which gets a
`means.Call` and returns how to read the body, or raises what the sender shall hear. With `NAMED`,
a name follows its address and comes as `call.item`; `OWN_DOCUMENT` says that its body is nothing
like a list of alerts; bodies from `THREAD_FROM` bytes on are read in a thread.
"""
