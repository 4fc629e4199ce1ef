"""Every kind of result comes out of the store as it was computed, so that it is shown at once as it is read later."""

import inspect
import json
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import AttackConfig, CurvatureConfig, PruningConfig, RadiusConfig
from ncviz.errors import StoreError
from ncviz.pruning.finetune import FineTuneConfig
from ncviz.store import Record, Store
from ncviz.studies.paper.ranking import Ranking
from ncviz.tasks.curvature.spread import CurvatureSpread
from ncviz.tasks.finetuning import FineTune, PruneAndTune
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig
from ncviz.tasks.negative_edges.task import NegativeEdges
from ncviz.tasks.robustness import Robustness, RobustnessConfig
from ncviz.tasks.sensitivity import Sensitivity
from tests.examples.contexts import here

CONFIG = CurvatureConfig(samples_per_class=2, seed=1)
PRUNING = PruningConfig("curvature", samples_per_class=2, seed=1)


def curvature(network, context):
    return tasks.Curvature(network, CONFIG)


def flow(network, context):
    whole = context.run(tasks.Curvature(network, CONFIG)).result
    return tasks.Flow(network, replace(whole, samples=None, sample_positions=None), (3, 5))


MADE = {
    "curvature": curvature,
    "curvature-of-layers": lambda network, context: tasks.Curvature(
        network, replace(CONFIG, layers=(next(iter(network.arrays)),))
    ),
    "flow": flow,
    "forward": lambda network, context: tasks.Forward(network),
    "order": lambda network, context: tasks.Order(network, PRUNING),
    "curve": lambda network, context: tasks.Curve(network, PRUNING, (0.0, 0.5, 0.9)),
    "sweep": lambda network, context: tasks.Sweep(network, CONFIG, scope="layer"),
    "fine-tuning": lambda network, context: FineTune(
        network, PruneAndTune(PruningConfig("magnitude"), 0.8, FineTuneConfig(epochs=1))
    ),
    "robustness": lambda network, context: Robustness(
        network, RobustnessConfig(PruningConfig("magnitude"), AttackConfig(0.1, 0.1, steps=1), images=20)
    ),
    "negative-edges": lambda network, context: NegativeEdges(
        network, NegativeEdgesConfig(6, search=RadiusConfig(0.1, 3, 1, 2))
    ),
    "sensitivity": lambda network, context: Sensitivity(network, PruningConfig("magnitude"), 50),
    "spread": lambda network, context: CurvatureSpread(network, CONFIG, 2),
    "ranking": lambda network, context: Ranking(network, "paper", 1, 1, 30),
}


def assert_same(one, other, where="result"):
    """The same values, of the same types, in the same order."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), where
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for name in one:
            assert_same(one[name], other[name], f"{where}[{name!r}]")
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other), where
        for at, (mine, others) in enumerate(zip(one, other, strict=True)):
            assert_same(mine, others, f"{where}[{at}]")
    else:
        assert one == other or (one != one and other != other), where


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_what_is_computed_is_what_is_read_later(network, tmp_path, name):
    store = Store(str(tmp_path / "kept"))
    context = here(store)
    task = MADE[name](network, context)
    computed = task.run(context)
    record = task.encode(computed)
    # As JSON writes it, which knows no tuples, and as the file holds it.
    assert record.meta == json.loads(json.dumps(record.meta))
    key = task.key(context)
    store.put(key, record.arrays, record.meta)
    assert_same(task.as_asked(computed), task.read(Store(store.where).get(key)))
    store.remove(key)
    assert_same(here(store).run(task).result, here(Store(store.where)).run(task).result)


def test_every_kind_of_result_is_checked(network, store):
    def concrete(kind):
        own = [] if inspect.isabstract(kind) or kind.__name__.startswith("_") else [kind]
        return own + [each for below in kind.__subclasses__() for each in concrete(below)]

    made = {type(make(network, here(store))) for make in MADE.values()}
    assert {kind for kind in concrete(tasks.StoredTask) if kind.__module__.startswith("ncviz.")} == made


def test_a_record_without_one_of_its_facts_is_refused(network):
    task = tasks.Sweep(network)
    with pytest.raises(StoreError, match="lacks 'images'"):
        task.read(Record({"removed": np.arange(2)}, {"kind": "sweep", "total": 2}))
