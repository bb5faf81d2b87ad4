"""Who may do what, what is sealed, and the proof of who did what."""
