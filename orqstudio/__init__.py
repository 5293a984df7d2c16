"""orqstudio: identities, budgets and usage metering of LLM calls."""

from __future__ import annotations

__version__ = "0.1.0"
