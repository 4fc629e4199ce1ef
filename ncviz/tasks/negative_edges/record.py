"""What is known of some images: how many edges are negative on each, and how little fools the network on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, SCALES, CurvatureConfig, RadiusConfig, check_whole
from ncviz.tasks.negative_edges.correlation import DRAWS, RankCorrelation, rank_correlation
from ncviz.text import number, plural

MAX_IMAGES = 10_000


@dataclass(frozen=True)
class NegativeEdgesConfig:
    """What decides the result.

    Attributes:
        images: How many correctly classified evaluation images at most.
        seed: Which of them, and where attacks start.
        search: How the smallest radius is searched for.
        alpha: Idleness.
        batchnorm: How the curvature reads a batch normalisation, as for ``CurvatureConfig``.
        scale: What it divides weights by, likewise.
    """

    images: int = 200
    seed: int = 0
    search: RadiusConfig = field(default_factory=RadiusConfig)
    alpha: float = DEFAULT_ALPHA
    batchnorm: str = BATCHNORM[0]
    scale: str = SCALES[0]

    def __post_init__(self) -> None:
        check_whole("the number of images", self.images, 3, MAX_IMAGES)
        check_whole("seed", self.seed, 0, 2**31 - 1)
        _ = self.calibration

    @property
    def calibration(self) -> CurvatureConfig:
        """The settings of the curvature."""
        return CurvatureConfig(self.alpha, batchnorm=self.batchnorm, scale=self.scale)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON types; a scale that is as in the paper is left out."""
        return {name: value for name, value in asdict(self).items() if name != "scale" or value != SCALES[0]}


@dataclass(frozen=True, eq=False)
class NegativeEdgesRecord:
    """Image by image, edges and radius; what is not measured yet is -1 and NaN.

    Attributes:
        image: int64 [n], the images' numbers in the evaluation data, growing.
        label: int64 [n], their classes.
        negative: int64 [n], how many edges have κ < 0 on each.
        live: int64 [n], how many are live.
        unproved: int64 [n], of how many of these κ could not be proved; they are not among the negative ones.
        radius: float64 [n], the smallest radius that was seen to fool the network, on the scale of pixels in [0, 1];
            the largest that was tried where none did.
        is_fooled: bool [n], whether one did.
        meta: Settings, descriptions and numbers, as plain JSON.
    """

    image: np.ndarray
    label: np.ndarray
    negative: np.ndarray
    live: np.ndarray
    unproved: np.ndarray
    radius: np.ndarray
    is_fooled: np.ndarray
    meta: Mapping[str, Any]

    @property
    def known(self) -> np.ndarray:
        """Which images are measured, bool [n]."""
        return (self.live >= 0) & ~np.isnan(self.radius)

    @property
    def share(self) -> np.ndarray:
        """Share of each image's live edges that are negative, float64 [n]; NaN where it is not measured."""
        return np.where(
            self.live > 0, self.negative / np.maximum(1, self.live), np.where(self.live == 0, 0.0, np.nan)
        )

    @property
    def is_complete(self) -> bool:
        """Whether all images are measured."""
        return bool(self.known.all())

    @property
    def search(self) -> RadiusConfig:
        """How the radii were searched for."""
        return RadiusConfig(**self.meta["settings"]["search"])

    @property
    def not_fooled(self) -> int:
        """How many of the measured images no radius that was tried fooled the network on: they share the last rank."""
        return int((self.known & ~self.is_fooled).sum())

    @cached_property
    def correlation(self) -> RankCorrelation | None:
        """Rank correlation of share and radius over the measured images; None for fewer than three."""
        return self._correlated(self.share)

    @cached_property
    def correlation_of_number(self) -> RankCorrelation | None:
        """The same of the number of negative edges, whatever share of the live ones that is."""
        return self._correlated(self.negative)

    @property
    def unproved_words(self) -> str:
        """What is said of live edges whose κ could not be proved, "" if there are none."""
        count, images = int(self.unproved.sum()), int((self.unproved > 0).sum())
        if not count:
            return ""
        return (
            f"κ of {plural(count, 'live edge')} on {plural(images, 'image')} could not be proved; "
            f"{'it counts' if count == 1 else 'they count'} as live and not as negative, so that there the share is "
            "the least that it may be."
        )

    @property
    def headline(self) -> str:
        """The correlation in one line, such as "Spearman’s ρ = −0.36 (95%: −0.47 to −0.23), 200 images"."""
        found = self.correlation
        if found is None:
            return "too few images for a correlation"
        return f"Spearman’s ρ = {_interval(found)}, {plural(found.count, 'image')}"

    def sentences(self) -> list[str]:
        """Return what was measured and what it says of the finding, whatever that is."""
        found, counted, search = self.correlation, self.correlation_of_number, self.search
        if found is None or counted is None:
            return [f"{int(self.known.sum())} of {len(self.image)} images are measured; three are needed."]
        said = [
            f"{self.headline}, between an image's share of negative edges (κ < 0, of those that are live on it) and "
            "the smallest ε that fools the network on it."
        ]
        if np.isnan(found.value):
            said.append("One of them is the same for all images, so there is no correlation.")
        else:
            said.append(f"{_VERDICTS[_sign(found)]}.")
        more = "" if np.isnan(counted.value) else f"; {_SHORT[_sign(counted)]}"
        said.append(
            f"By the number of negative edges instead of their share: ρ = {_interval(counted)}{more}."
        )
        said.append(
            f"Correctly classified images, drawn from {self.meta['evaluated_on']}; ε from PGD "
            f"({plural(search.steps, 'step')}, {plural(search.restarts, 'run')} at each ε) by {search.halvings} "
            f"halvings of 0 … {255 * search.largest:.4g}/255, so it is an upper bound; intervals by bootstrap "
            f"({DRAWS:,} draws)."
        )
        if self.meta["batchnorm"]:
            said.append(f"BatchNorm: {self.meta['batchnorm']}.")
        if scale := self.meta["settings"].get("scale"):
            said.append(f"Weights divided by their {scale} in the graph.")
        if unproved := self.unproved_words:
            said.append(unproved)
        if self.not_fooled:
            said.append(
                f"{self.not_fooled} of the images are fooled at no ε that was tried: they stay in, and share the last "
                "rank."
            )
        if not self.is_complete:
            said.append(f"So far {found.count} of {len(self.image)} images.")
        return said

    def _correlated(self, values: np.ndarray) -> RankCorrelation | None:
        known = self.known
        return rank_correlation(values[known], self.radius[known]) if known.sum() >= 3 else None


def _interval(found: RankCorrelation) -> str:
    """Return such as "−0.36 (95%: −0.47 to −0.23)"."""
    if np.isnan(found.value):
        return "undefined"
    return f"{number(found.value, 2)} (95%: {number(found.low, 2)} to {number(found.high, 2)})"


def _sign(found: RankCorrelation) -> int:
    """Return on which side of 0 the interval lies, 0 where it holds it."""
    return -1 if found.high < 0 else int(found.low > 0)


_VERDICTS = {
    -1: "Images with a larger share of them are easier to fool, as arXiv 2410.19607 found",
    0: "The interval holds 0: no such relation is seen here",
    1: "Images with a larger share of them are harder to fool: the opposite of what arXiv 2410.19607 found",
}
_SHORT = {-1: "more of them, easier to fool", 0: "the interval holds 0", 1: "more of them, harder to fool"}
