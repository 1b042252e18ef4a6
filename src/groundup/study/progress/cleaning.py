"""Make any value storable in every database: what SQLite takes and PostgreSQL refuses is replaced, never dropped."""

from __future__ import annotations

import math
import re
from typing import Any

# NUL ends a text in PostgreSQL; half a surrogate pair is no character in UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(value: Any) -> Any:
    """Plain data with every string storable, and numbers that JSON does not know (NaN, infinity) as None."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("�", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(key): clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(one) for one in value]
    return value
