"""Functions for expressions, one file each; the file's name is the function's.

A function defines `TAKES`, the kinds of its arguments (see `tocsin.domain.expressions.kinds`; "any"
takes all), `GIVES`, the kind of its value, and `call(subject, *arguments)`, pure and total: None
stands for an argument that is absent or cannot be read, and is given back where there is no value.
Severities are ranks, durations seconds. The file's docstring says how it is written.

A function that looks back over time also defines `WINDOW`, the index of the argument that says how
far; rules then keep count of the alert for so long, and `subject.signs(seconds)` tells how often
the alert was sent in that time. Only rules know it.
"""
