"""What an official client hands out, as JSON: shared by the scripts beside it.

They run with the Python of one generation's environment, so nothing of the project
and nothing but the client can be imported here.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import date

URL, KEY, USER = (os.environ[f"ORQ_{name}"] for name in ("URL", "KEY", "USER"))
SPENT = os.environ["ORQ_SPENT"]
"""An external_id whose budget refuses every call."""


def plain(value):
    """Return lists, texts, numbers; of the client's models what their fields say."""
    if hasattr(type(value), "model_fields"):
        fields = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {
            name: plain(each)
            for name, each in fields.items()
            if each is not None and type(each).__name__ != "Unset"
        }
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def refused(call):
    """Return class, status and body of the error that a call raises."""
    try:
        answer = call()
    except Exception as error:
        data = getattr(error, "data", None)
        return {
            "error": type(error).__name__,
            "bases": [each.__name__ for each in type(error).__mro__],
            "status": getattr(error, "status_code", None),
            "body": _json(getattr(error, "body", "")),
            "data": plain(data),
            "text": str(error)[:300],
        }
    return {"error": None, "answer": plain(answer)}


def say(*cases):
    """Run the cases in their order; print name -> what each returned, as JSON."""
    said = {}
    for case in cases:
        try:
            said[case.__name__] = plain(case())
        except Exception:
            said[case.__name__] = {"crash": traceback.format_exc(limit=-3)}
    json.dump(said, sys.stdout)


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return text
