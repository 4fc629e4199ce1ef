"""Under which key the store keeps a result: everything that decides it, and nothing else."""

from __future__ import annotations

from ncviz.config import CurvatureConfig
from ncviz.data.fingerprints import data_fingerprint
from ncviz.fingerprint import digest
from ncviz.models.network import Network

SWEEP_VERSION = 2


def curvature_key(network: Network, config: CurvatureConfig, data_dir: str | None = None) -> str:
    """Return the store's key of one curvature result: weights, calibration pool, settings, algorithm."""
    return digest(
        "curvature", network.fingerprint, data_fingerprint(network.dataset, "train", data_dir), config.key()
    )


def sweep_key(network: Network, config: CurvatureConfig, scope: str, data_dir: str | None = None) -> str:
    """Return the store's key of the accuracy curves that belong to one curvature result."""
    images = evaluation_fingerprint(network, data_dir)
    return digest("sweep", SWEEP_VERSION, curvature_key(network, config, data_dir), images, scope)


def evaluation_fingerprint(network: Network, data_dir: str | None = None) -> str:
    """Return the fingerprint of the images that a network is evaluated on."""
    return data_fingerprint(network.dataset, "test", data_dir)
