"""What the README files say: their code, and the paths that they name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PYTHON = re.compile(r"^```python\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def python_examples(text: str) -> list[tuple[str, str]]:
    """Code of each Python block, and what the block behind it says that it prints ("" where there is none)."""
    return [(code, printed or "") for code, printed in _PYTHON.findall(text)]
