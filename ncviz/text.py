"""What people read of values: amounts, times and numbers in words, and names cut to length."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WHOLE_FROM, _POWERS_FROM = 10_000, 100_000
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_MARKDOWN = re.compile(r"([\\\\`*_\[\]()$:~#<>!|])")


def plain(text: str) -> str:
    """Return text that Markdown shows as it is; what comes from outside must not become links, images or formulas."""
    return _MARKDOWN.sub(r"\\\1", text)


def with_code(text: str) -> str:
    """Return a message as Markdown: as it is, but for names between backticks, which become code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(f"`{part}`" if at % 2 else plain(part) for at, part in enumerate(parts))


def shorten(text: str, most: int = 60) -> str:
    """Return text of at most ``most`` characters, "…" standing for the end of a longer one."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def short_paths(names: Sequence[str], most: int = 32) -> list[str]:
    """Return dotted names, where one is longer than ``most``, without what stands before the part that tells them.

    "encoder.layers.block_0.mlp.0" is "block_0.mlp.0" beside "encoder.layers.block_1.mlp.0"; a bare number is no name.
    """
    if max(map(len, names), default=0) <= most:
        return list(names)
    parts = [name.split(".") for name in names]
    ends = [tuple(".".join(own[at:]) for at in range(len(own) - 1, -1, -1)) for own in parts]
    count = Counter(end for own in {each[-1]: each for each in ends}.values() for end in own)
    return [
        next((end for end in own if count[end] == 1 and re.search("[a-zA-Z]", end)), own[-1]) for own in ends
    ]


def capitalised(text: str) -> str:
    """Return a sentence with a capital first letter, and names in it as they are."""
    return text[:1].upper() + text[1:]


def quotable(text: str, most: int = 60) -> str:
    """Return a name from a file fit for one sentence: printable, without backticks, of bounded length."""
    return shorten("".join(sign if sign.isprintable() and sign != "`" else "?" for sign in text), most)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def file_name(name: str, most: int = 80) -> str:
    """Return a file's name fit for a message: on one line, and its middle left out where it is long."""
    shown = "".join(sign if sign.isprintable() else " " for sign in name)
    return shown if len(shown) <= most else f"{shown[: most // 2 - 1]}…{shown[-(most // 2) :]}"


def plural(count: float, noun: str, nouns: str = "") -> str:
    """Return such as "1 image", "2 images" or "1.5 points"; ``nouns`` where it is not the noun and an s."""
    shown = f"{count:g}" if isinstance(count, float) else str(count)
    return f"{shown} {noun if count == 1 else nouns or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def percent(fraction: float) -> str:
    """Return such as "0.1%", "97.5%" or "99.99993%": never rounded to all, nor to nothing."""
    near = min(fraction, 1 - fraction)
    if not 0 < near < 0.001:
        return f"{100 * fraction:.4g}%"
    # Two digits of how far it is from either.
    written = f"{100 * fraction:.{1 - math.floor(math.log10(100 * near))}f}"
    return f"{written.rstrip('0').rstrip('.')}%"


def share_words(share: float) -> str:
    """Return a share in per cent with four significant digits, such as "0.9938%", "87.5%" or "< 0.001%"."""
    return "< 0.001%" if 0 < share < 1e-5 else f"{100 * share:.4g}%"


def never_active_words(share: float, images: int) -> str:
    """Return such as "16.2% of the weights are never active on these 10 images"; "1 image" is "this image"."""
    where = "this image" if images == 1 else f"these {images:,} images"
    return f"{100 * share:.3g}% of the weights are never active on {where}"


def zero_words(zeros: int, total: int) -> str:
    """Return such as "36,250 of 45,312 weights are zero already (80%)"; "" of none."""
    if not zeros:
        return ""
    return f"{zeros:,} of {total:,} weights {'is' if zeros == 1 else 'are'} zero already ({100 * zeros / total:.3g}%)"


def minus(text: str) -> str:
    """Return a number's text with real minus signs."""
    return text.replace("-", "−")


def number(value: float, decimals: int = 3) -> str:
    """Return a number with a real minus sign, and without one before zero; from 10,000 on a whole one, in groups."""
    text = minus(f"{value:.{decimals}f}" if abs(value) < _WHOLE_FROM else f"{value:,.0f}")
    return text.removeprefix("−") if not text.strip("−0.") else text


def interval_words(lower: float, upper: float, decimals: int = 3) -> str:
    """Return such as "−0.52 … −0.31", rounded outward, or one number where both ends are the same."""
    if lower == upper:
        return number(upper, decimals)
    unit = 10**decimals if max(abs(lower), abs(upper)) < _WHOLE_FROM else 1
    low, up = math.floor(lower * unit) / unit, math.ceil(upper * unit) / unit
    return f"{number(low, decimals)} … {number(up, decimals)}"


def powers(value: float) -> str:
    """Return a whole number of few digits as axes have it: "3000", and from 100,000 on "2·10⁵"."""
    if abs(value) < _POWERS_FROM:
        return minus(f"{value:g}")
    power = math.floor(math.log10(abs(value)))
    digits = f"{value / 10**power:g}"
    lead = {"1": "", "-1": "-"}.get(digits, f"{digits}·")
    return minus(f"{lead}10{str(power).translate(_RAISED)}")


def signed(value: float) -> str:
    """Return a number with its sign, and a real minus."""
    return minus(f"{value:+.3f}")


def about(
    seconds: float, least: str = "under 1 s", least_below: float = 1.0, hours_from: float = 5400.0
) -> str:
    """Return how long something takes, such as "about 40 s" or "about 1.5 h".

    Args:
        seconds: How long.
        least: What is said of less than ``least_below`` seconds.
        least_below: See ``least``.
        hours_from: From so many seconds on it is told in hours.
    """
    if seconds < least_below:
        return least
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < hours_from else f"about {seconds / 3600:.1f} h"


def amount(count: int) -> str:
    """Return a count, such as "113 million"; exact below a million."""
    if count < 1_000_000:
        return f"{count:,}"
    return f"{count / 1e6:.3g} million" if count < 1e9 else f"{count / 1e9:.3g} billion"


def size(count: int) -> str:
    """Return bytes in the unit that suits them, such as "120 MB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"


def megabytes(count: float) -> str:
    """Return bytes such as "1,200 MB", as files are measured."""
    return f"{count / 1e6:,.0f} MB"


def gigabytes(count: float) -> str:
    """Return bytes such as "1.5 GB", as memory is measured: units of 2³⁰."""
    return f"{count / 2**30:.1f} GB"
