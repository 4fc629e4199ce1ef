"""Loss and accuracy share one grid."""

import numpy as np
import pytest

from ncviz.plots.training_curve import training_curve


@pytest.mark.parametrize(
    ("loss", "step"), [([2.3, 1.5, 0.4], 0.6), ([0.004], 0.001), ([], 1.0), ([0.0], 1.0)]
)
def test_both_axes_have_the_same_round_steps(loss, step):
    share = np.linspace(0.1, 0.9, len(loss))
    layout = training_curve(np.array(loss), share, share).layout
    assert layout.yaxis.dtick == pytest.approx(step)
    steps = [axis.range[1] / axis.dtick for axis in (layout.yaxis, layout.yaxis2)]
    assert steps[0] == pytest.approx(steps[1])
    assert max(loss, default=0) <= layout.yaxis.range[1]
