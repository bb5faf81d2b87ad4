"""The faults, one a file.

Each has ``SECONDS`` (how long in a quick run, in a soak) and ``under(bench, random)``: a context
manager that does it, gives what it was done to, and undoes it at the end. It may have ``missing()``
(why it cannot be had on this machine), ``prepare(bench)`` (what it needs before the start) and
``THROUGHOUT`` (it lasts as long as the others). What comes before the first ``_`` of the name is
the part of the world that it takes away.
"""
