"""orqstudio: identities, budgets and usage metering of LLM calls."""

__version__ = "0.1.0"
