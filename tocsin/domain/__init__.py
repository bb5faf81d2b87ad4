"""The thinking of Tocsin: pure functions without clock, chance, input or output."""
