"""The guarded way out: a tenant names addresses, and none of them may lead inside."""
