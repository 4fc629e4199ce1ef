"""Steps by hand in few letters come back as they were; what is damaged is refused."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncviz.errors import NcvizError
from ncviz.scene.surgery.packing import pack_steps, unpack_steps
from ncviz.scene.surgery.steps import read_steps

RUNS = st.lists(st.tuples(st.integers(0, 36**6 - 1), st.integers(1, 36**4)), min_size=1, max_size=40)


def set_of(runs):
    base = lambda number: np.base_repr(number, 36).lower()  # noqa: E731
    return "set-" + "-".join(
        f"{base(gap)}.{base(length)}" if length > 1 else base(gap) for gap, length in runs
    )


@given(
    st.lists(
        st.one_of(RUNS.map(set_of), st.sampled_from(["class-0+3:906", "channel-2-4", "layer-2:0.3"])),
        max_size=6,
    )
)
def test_steps_come_back_as_they_were(targets):
    text = ",".join(f"cut:{target}" for target in targets)
    packed = pack_steps(text)
    assert set(packed) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert unpack_steps(packed) == text


def test_a_large_set_takes_half_the_letters():
    chosen = np.sort(np.random.default_rng(0).choice(45_312, 1000, replace=False))
    text = f"cut:{set_of([(int(gap), 1) for gap in np.diff(chosen, prepend=0)])}"
    assert len(pack_steps(text)) < 0.55 * len(text)
    (step,) = read_steps(unpack_steps(pack_steps(text)))
    assert step.weights.tolist() == chosen.tolist()


def test_what_is_not_packed_is_left_as_it_is():
    assert unpack_steps("cut:weight-1") == "cut:weight-1"


@given(st.text(alphabet="abcXYZ019-_=ü", max_size=60))
def test_what_is_damaged_is_refused_or_no_step(letters):
    with suppress(NcvizError):
        assert isinstance(unpack_steps(f"z.{letters}"), str)


@pytest.mark.parametrize("cut", [1, 5, -1])
def test_what_is_cut_off_is_refused(cut):
    packed = pack_steps("cut:" + set_of([(number, 3) for number in range(1, 200)]))
    with pytest.raises(NcvizError, match="damaged"):
        unpack_steps(packed[: len(packed) - cut if cut > 0 else 30])
