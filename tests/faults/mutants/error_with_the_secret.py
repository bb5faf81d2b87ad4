"""What a channel is given to send is logged, secrets and all."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            "        receipt = channel.send(message, errand.integration.settings, call)\n",
            '        log.warning("sending", given=str(call.secrets))\n'
            "        receipt = channel.send(message, errand.integration.settings, call)\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
