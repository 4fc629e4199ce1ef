"""Settings of the tabs Fine-tune and Robustness as a link carries them, such as "epochs-5,rate-0.003,skip-random"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ncviz.config import MAX_DISTURBED_IMAGES, check_whole
from ncviz.errors import NcvizError
from ncviz.pruning.corruptions import CORRUPTIONS, SEVERITIES
from ncviz.ui.link.readers import CRITERION_NAME, LONGEST_SETTING, Reader, one_of

LEARNING_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01)
BATCH_SIZES = (16, 32, 64, 128, 256)
WEIGHT_DECAYS = (0.0, 0.00001, 0.0001, 0.001, 0.01)
MOST_EPOCHS = 50
MOST_SEED = 2**31 - 1
PARTS = ("attack", "corruption", "repair")
ATTACKS = ("fgsm", "pgd")
GREY_LEVELS = 255
MOST_STEPS = 200
# Criteria that are left out; the one setting that may stand in a link several times.
SKIP = "skip"


def parse(field: str, text: str) -> dict[str, Any]:
    """Return the settings that a field of the view holds, by name; those that are not in it have their defaults.

    Args:
        field: "lab_tune" or "lab_robust".
        text: What the link says, "" for defaults alone.

    Raises:
        NcvizError: If a name or a value is none, or stands there twice.
    """
    readers, found = FIELDS[field], dict[str, Any]()
    for part in text.split(",") if text else ():
        name, _, value = part.partition("-")
        if name not in readers:
            raise NcvizError(f"'{part[:LONGEST_SETTING]}' is no setting; there are {', '.join(readers)}.")
        if name in found and name != SKIP:
            raise NcvizError(f"{name} stands there twice.")
        read = readers[name](value)
        found[name] = (*found.get(SKIP, ()), read) if name == SKIP else read
    return found


def written(field: str, values: Mapping[str, Any]) -> str:
    """Return settings as the link holds them, always in the same order."""
    parts: list[str] = []
    for name in FIELDS[field]:
        if name in values:
            each = values[name] if name == SKIP else (values[name],)
            parts += [
                f"{name}-{value:g}" if isinstance(value, float) else f"{name}-{value}" for value in each
            ]
    return ",".join(parts)


def normalise(field: str) -> Reader:
    """Return what reads such a field of a link and writes it as ``written`` does."""
    return lambda text: written(field, parse(field, text))


def _whole(name: str, low: int, high: int) -> Reader:
    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,10}", text):
            raise NcvizError(
                f"{name} must be a whole number from {low} to {high}, got '{text[:LONGEST_SETTING]}'."
            )
        return check_whole(name, int(text), low, high)

    return read


def _criterion(text: str) -> str:
    if not re.fullmatch(CRITERION_NAME, text):
        raise NcvizError(f"a criterion that is left out must be a name, got '{text[:LONGEST_SETTING]}'.")
    return text


_one_of = partial(one_of, longest=LONGEST_SETTING)
FIELDS: dict[str, dict[str, Reader]] = {
    "lab_tune": {
        "epochs": _whole("the number of epochs", 1, MOST_EPOCHS),
        "rate": _one_of("the learning rate", LEARNING_RATES),
        "batch": _one_of("the images in a step", BATCH_SIZES),
        "decay": _one_of("the weight decay", WEIGHT_DECAYS),
        "seed": _whole("the seed", 0, MOST_SEED),
        SKIP: _criterion,
    },
    "lab_robust": {
        "part": _one_of("the part", PARTS),
        "attack": _one_of("the attack", ATTACKS),
        "eps": _whole("ε in 255ths", 0, GREY_LEVELS),
        "step": _whole("the step in 255ths", 1, GREY_LEVELS),
        "steps": _whole("the number of steps", 1, MOST_STEPS),
        "corruption": _one_of("the corruption", tuple(CORRUPTIONS)),
        "severity": _whole("the severity", 1, SEVERITIES),
        "images": _whole("the number of images", 1, MAX_DISTURBED_IMAGES),
        SKIP: _criterion,
    },
}
