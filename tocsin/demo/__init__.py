"""The demo: an installation, fake providers, a realistic day and a storm, live in a terminal."""
