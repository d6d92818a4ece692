"""What a drawn page tells of its run."""

from __future__ import annotations

import json
import re
from typing import Any


def told_by(page: str) -> dict[str, Any]:
    """Return the facts that a timeline's script reads."""
    (told,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page)
    facts: dict[str, Any] = json.loads(told)
    return facts
