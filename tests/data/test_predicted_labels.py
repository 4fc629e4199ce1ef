"""Calibration and evaluation on users' own data: labels that are missing, short or foreign."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import load_model
from ncviz.data.calibration import calibration_notes, select_calibration
from ncviz.data.datasets import Dataset, load_dataset
from ncviz.data.predicted_labels import check_labels, fit_classes, labels_for, matched_classes, predictions
from ncviz.data.user_data.registry import Part, UserData, register
from ncviz.errors import DataError
from tests.examples.image_files import SMALL

TINY = replace(SMALL, size=(1, 4), channels=1)


class Brightest(nn.Module):
    """Names the brightest of four pixels."""

    def forward(self, images):
        return images.flatten(1)


def data(places, labels=None, classes=("a", "b", "c", "d")):
    """Images whose brightest pixel stands at these places."""
    images = np.zeros((len(places), 1, 1, 4), dtype=np.uint8)
    images[np.arange(len(places)), 0, 0, places] = 255
    own = None if labels is None else np.array(labels, dtype=np.int64)
    return load_dataset(register(UserData("mine", classes, TINY, {"all": Part(images, own, len(images))})))


def test_a_class_with_fewer_right_ones_gives_what_it_has_and_one_without_images_nothing():
    pool = data([0, 0, 0, 1, 0, 3], [0, 0, 0, 1, 1, 2])
    chosen = select_calibration(Brightest(), pool, 2)
    assert chosen.tolist() == [0, 1, 3]
    (note,) = calibration_notes(pool, chosen, labels_for(Brightest(), pool, rows=chosen), 2)
    assert note == "Fewer right images than the 2 asked for of each class: b 1, c 0; 3 in all."
    assert calibration_notes(pool, chosen[:1], torch.tensor([0, 1, 2]), 1) == ()


def test_a_class_without_any_image_is_short_of_nothing():
    pool = data([0, 1], [0, 1])
    chosen = select_calibration(Brightest(), pool, 1)
    assert chosen.tolist() == [0, 1]
    assert calibration_notes(pool, chosen, pool.labels, 1) == ()


def test_nothing_right_at_all_is_one_sentence():
    with pytest.raises(
        DataError, match="classifies none of all 2 images of mine.* correctly; check their size"
    ):
        select_calibration(Brightest(), data([0, 1], [1, 0]), 1)


def test_without_labels_the_networks_own_answers_count():
    pool = data([3, 0, 0, 3, 3, 2])
    chosen = select_calibration(Brightest(), pool, 2)
    assert chosen.tolist() == [1, 2, 5, 0, 3]
    labels = labels_for(Brightest(), pool, rows=chosen)
    assert labels.tolist() == [0, 0, 2, 3, 3]
    notes = calibration_notes(pool, chosen, labels, 2)
    assert notes[0].startswith("Without labels, an image counts for the class")
    assert notes[1] == "Fewer images than the 2 asked for of each class: c 1; 5 in all."
    assert labels_for(Brightest(), pool).tolist() == [3, 0, 0, 3, 3, 2]


@pytest.mark.parametrize("labels", [None, list(range(4)) * 25])
def test_the_seed_decides_which(labels):
    pool = data(list(range(4)) * 25, labels)
    draws = [select_calibration(Brightest(), pool, 3, seed).tolist() for seed in (0, 0, 1, 1, 2)]
    assert draws[0] == draws[1] == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    assert draws[2] == draws[3] != draws[0]
    assert draws[4] not in draws[:4]


def test_no_further_than_it_takes():
    class Counted(Brightest):
        seen = 0

        def forward(self, images):
            Counted.seen += len(images)
            return super().forward(images)

    select_calibration(Counted(), data(list(range(4)) * 250), 2)
    assert Counted.seen < 100


def test_data_sets_that_ncviz_knows_stay_strict():
    pool = load_dataset("digits", "train")
    few = Dataset(**{**vars(pool), "inputs": pool.inputs[:20], "labels": pool.labels[:20]})
    with pytest.raises(DataError, match="correctly classified images among .*but 5 are asked for"):
        select_calibration(load_model("mlp-digits-relu"), few, 5)
    assert torch.equal(labels_for(load_model("mlp-digits-relu"), pool), pool.labels)


def test_a_label_outside_the_network_is_one_sentence():
    pool = data([0, 1], [0, 4], classes=("a", "b", "c", "d", "e"))
    for ask in (lambda: select_calibration(Brightest(), pool, 1), lambda: check_labels(pool, 4)):
        with pytest.raises(
            DataError, match=r"tells 4 classes apart, 0 to 3, but an image has label 4 \('e'\)"
        ):
            ask()
    check_labels(pool, 5)


def test_images_of_another_shape_are_one_sentence():
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 4))
    for pool in (data([0, 1]), data([0, 1], [0, 1])):
        with pytest.raises(DataError, match=r"Images of shape \[1, 1, 4\] do not fit the network"):
            select_calibration(net, pool, 1)
    with pytest.raises(DataError, match="do not fit"):
        predictions(net, data([0]).inputs)
    with pytest.raises(DataError, match="no list of classes"):
        predictions(nn.Identity(), data([0]).inputs)


@pytest.mark.parametrize(
    ("folders", "classes", "labels", "by_name"),
    [
        (("cat", "dog"), ("bird", "dog", "cat"), (2, 1), True),
        (("Great_White-Shark",), ("tench", "great white  shark"), (1,), True),
        (("cat", "cow"), ("bird", "dog", "cat"), (0, 1), False),
        (("b", "a"), ("", ""), (0, 1), False),
        (("", ""), ("", ""), (0, 1), False),
        (("crane", "dog"), ("crane", "dog", "crane"), (0, 1), False),
        ((), ("x",), (), True),
    ],
)
def test_folders_find_their_classes(folders, classes, labels, by_name):
    found = matched_classes(folders, classes)
    assert found.labels == labels
    assert found.by_name == (by_name and bool(folders))


def test_folders_that_do_not_fit():
    with pytest.raises(DataError, match="of 3 classes, a to c, but the network tells only 2"):
        matched_classes(("a", "b", "c"), ("x", "y"))
    with pytest.raises(DataError, match="Two classes are called 'a b'"):
        matched_classes(("a b", "A_B"), ("a b", "y"))


def own(labels, classes):
    images = np.zeros((3, 1, 1, 4), dtype=np.uint8)
    return UserData("mine", classes, TINY, {"all": Part(images, labels, 3)})


def test_a_data_set_takes_the_networks_classes():
    labels = np.array([0, 1, 1])
    found = fit_classes(own(labels, ("cat", "dog")), ("bird", "Dog", "cat"))
    assert found.classes == ("bird", "Dog", "cat")
    assert found.parts["all"].labels.tolist() == [2, 1, 1]
    assert found.notes == ()
    found = fit_classes(own(labels, ("cat", "dog")), ("", ""))
    assert (found.classes, found.parts["all"].labels.tolist(), found.notes) == (("cat", "dog"), [0, 1, 1], ())
    found = fit_classes(own(labels, ("cat", "dog")), ("", "", ""))
    assert found.classes == ("cat", "dog", "class 2")
    assert "taken for the network's first ones of 3" in found.notes[0]
    found = fit_classes(own(None, ()), ("", "dog"))
    assert found.classes == ("class 0", "dog")
    assert not found.has_labels
