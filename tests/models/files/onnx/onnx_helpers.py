"""What the tests of the readers share."""

import numpy as np
import onnxruntime


def run(content, images, output=None):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    results = session.run(output, {session.get_inputs()[0].name: images})
    return results[0]


def images_of(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((3, *shape)).astype(np.float32)


def assert_same(actual, expected):
    scale = np.abs(expected).max()
    assert 1e-3 < scale < 1e6
    np.testing.assert_allclose(actual, expected, atol=1e-4 * scale, rtol=0)
