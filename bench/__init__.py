"""Measurements; how to repeat them and what they said: docs/performance.md."""
