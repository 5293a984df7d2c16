"""Reads for the Studio's pages: usage over a span, sorted, bucketed, by model."""
