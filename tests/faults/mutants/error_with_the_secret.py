"""What a channel could not do is logged with all that it was given."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            '        log.exception("channel failed", channel=errand.row["channel"])\n',
            '        log.exception("channel failed", call=repr(_call(here, errand, {})))\n',
        ),
        Edit(
            "actors/deliver.py",
            "        receipt = channel.send(message, errand.integration.settings, call)\n",
            '        log.warning("sending", call=repr(call))\n'
            "        receipt = channel.send(message, errand.integration.settings, call)\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
