"""The words that every part of Tocsin shares; this package imports nothing of the others."""
