"""What a file leaves open, and only the user can say."""

from __future__ import annotations

from ncviz.errors import ModelError


class SeveralFitError(ModelError):
    """A file fits in several ways alike.

    Attributes:
        what: Name of the argument of ``read_file`` that decides: "architecture", "weights", "output" or "size".
        choices: What it may be.
    """

    def __init__(self, message: str, what: str, choices: tuple[str, ...]) -> None:
        super().__init__(message)
        self.what, self.choices = what, choices
