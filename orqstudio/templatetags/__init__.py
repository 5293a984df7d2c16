"""Template tags of the Studio."""
