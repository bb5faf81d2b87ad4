"""Policies made from what other systems are configured with. Pure: text in, text and notes out."""
