"""Limits that agree with one another, and the memory of everybody's networks together."""

import gc
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.memory import NetworkMemory
from ncviz.models.network import Network, open_network


def network(name="mine", megabytes=1, original=None):
    arrays = {
        "weight": np.zeros((megabytes, 250_000), dtype=np.float32),
        "bias": np.zeros(0, dtype=np.float32),
    }
    return Network(name, name, "onnx", "", arrays, is_bundled=False, original=original)


def test_limits_agree():
    root = Path(__file__).parents[2]
    upload = tomllib.loads((root / ".streamlit" / "config.toml").read_text("utf-8"))["server"][
        "maxUploadSize"
    ]
    assert LIMITS.file_bytes >= 4 * LIMITS.parameters + LIMITS.header_bytes
    # The browser is told whole units of 2^20 bytes, so the last may be cut.
    assert upload >= LIMITS.file_bytes // 2**20
    assert upload >= LIMITS.image_file_bytes // 2**20
    # One file while it is read, and another network beside it.
    assert LIMITS.own_networks_bytes >= 3 * LIMITS.file_bytes
    assert LIMITS.library_bytes >= 2 * LIMITS.file_bytes


def test_networks_count_once_and_for_as_long_as_they_live():
    memory = NetworkMemory(3_000_000)
    mine, other = network("mine"), network("other", original=b"0" * 1_000_000)
    assert other.nbytes == 2_000_000
    memory.claim(mine)
    memory.claim(replace(mine, name="mine 2", dataset="mnist"))
    assert memory.nbytes == 1_000_000
    memory.claim(other)
    assert memory.nbytes == 3_000_000
    with pytest.raises(ModelError, match=r"third takes 1 MB of memory.* take 3 of 3 MB; forget one of yours"):
        memory.claim(network("third"))
    assert memory.nbytes == 3_000_000
    del other
    gc.collect()
    assert memory.nbytes == 1_000_000
    third = network("third")
    memory.claim(third)
    assert memory.nbytes == 2_000_000


def test_bundled_networks_are_everybodys():
    memory = NetworkMemory(1)
    memory.claim(open_network("mlp-digits-relu"))
    assert memory.nbytes == 0


def test_a_file_that_would_not_fit_is_refused_before_it_is_read():
    memory = NetworkMemory(3_000_000)
    with memory.reading(1_000_000, "first.pt"):
        assert memory.nbytes == 2_000_000
        with (
            pytest.raises(ModelError, match=r"second\.pt takes 2 MB"),
            memory.reading(1_000_000, "second.pt"),
        ):
            pytest.fail("it was read")
    assert memory.nbytes == 0
    with pytest.raises(ValueError, match="damaged"), memory.reading(1_000_000, "third.pt"):
        raise ValueError("damaged")
    assert memory.nbytes == 0


def test_many_sessions_at_once_stay_within_the_limit():
    memory, kept, refused = NetworkMemory(20_000_000), [], []

    def bring(number):
        mine = network(f"net {number}")
        try:
            memory.claim(mine)
        except ModelError:
            refused.append(number)
        else:
            kept.append(mine)

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(kept), len(refused)) == (20, 20)
    assert memory.nbytes == 20_000_000
