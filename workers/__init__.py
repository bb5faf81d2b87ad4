"""How work travels: the broker and its doorbell, ringing by name, draining, limits."""
