"""The clock: it rings what is due, sweeps up what nobody was told of, and decides nothing."""
