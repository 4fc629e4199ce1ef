"""Which images a network of one's own is offered, and what it becomes with them."""

import pytest
import streamlit as st

from ncviz import tasks
from ncviz.tasks.images import nearest_set, settings_for
from ncviz.ui.model import draft, images
from ncviz.ui.model.draft import Draft
from ncviz.ui.model.image_settings import MOST
from ncviz.ui.model.image_sources import Source


def network(*shape):
    return tasks.Network("own", "Own", "torchvision/resnet18@10", "", {}, is_bundled=False, input_shape=shape)


def test_a_known_set_as_it_is_gives_a_network_its_own_size(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    found = Draft(network(3, 224, 224), 10, can_resize=True)
    st.session_state[draft._DRAFT] = found
    source = Source("CIFAR-10", read=lambda *_: pytest.fail("read anew"), known="cifar10")
    images._start(found, source, settings_for((3, 32, 32)), MOST, ())
    assert draft.current().bound.image_shape == (3, 32, 32)
    assert draft.current().bound.dataset == "cifar10"


@pytest.mark.parametrize(
    ("shape", "classes", "name"),
    [((3, 224, 224), 10, "cifar10"), ((3, 224, 224), 100, "cifar100"), ((1, 64, 64), 10, "digits"),
     ((1, 28, 28), 10, "mnist"), ((3, 224, 224), 1000, "cifar10")],
)  # fmt: skip
def test_the_set_offered_first_is_most_like_what_the_network_takes(shape, classes, name):
    assert nearest_set(network(*shape), classes) == name
