import json
from dataclasses import replace

import pytest

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.errors import NcvizError
from ncviz.ui.server.plan_store import MAX_NAME, Plan, PlanStore


def plan(**values):
    given = {
        "name": "Mine",
        "fingerprint": "f" * 64,
        "network": "LeNet",
        "pruning": PruningConfig("wanda", 2, 1, protected=("0.weight",)),
        "removed": 80,
        "total": 100,
        "accuracy": 0.95,
        "images": 360,
        "layers": (0.0, 0.8),
    }
    return Plan(**(given | values))


@pytest.fixture(params=["folder", "memory"])
def where(request, tmp_path):
    return str(tmp_path) if request.param == "folder" else f"memory://plans-{tmp_path.name}"


def test_plans_come_back_as_they_were_oldest_first(where):
    first, second = plan(created=1.0), plan(name="Another", created=2.0)
    PlanStore(where).put(second)
    PlanStore(where).put(first)
    assert PlanStore(where).all() == [first, second]
    assert first.sparsity == 0.8


def test_a_plan_keeps_its_budgets(where):
    own = plan(pruning=PruningConfig("wanda", budgets=(("0.weight", 0.3),)))
    PlanStore(where).put(own)
    assert PlanStore(where).all() == [own]


def test_a_plan_is_renamed_and_removed(where):
    store, own = PlanStore(where), plan()
    store.put(own)
    store.put(replace(own, name="Other"))
    assert [found.name for found in store.all()] == ["Other"]
    store.remove(own.key)
    store.remove(own.key)
    assert store.all() == []


def test_a_plan_that_names_no_version_is_of_an_earlier_one(tmp_path):
    store, own = PlanStore(str(tmp_path)), plan()
    store.put(own)
    assert store.all()[0].is_of_this_version
    path = next(tmp_path.glob("plan-*.json"))
    stored = json.loads(path.read_text())
    del stored["algorithm"]
    path.write_text(json.dumps(stored))
    (old,) = store.all()
    assert not old.is_of_this_version
    # A new name makes its numbers no newer.
    store.put(replace(old, name="Other"))
    assert not store.all()[0].is_of_this_version


def test_plans_stay_when_the_results_are_cleared(tmp_path):
    results = tasks.open_store(str(tmp_path))
    PlanStore(results.where).put(plan())
    results.clear()
    assert len(PlanStore(results.where).all()) == 1
    assert results.entries() == []


def test_what_others_wrote_into_the_folder_is_left_out(tmp_path):
    store, own = PlanStore(str(tmp_path)), plan()
    store.put(own)
    good = json.loads(next(tmp_path.glob("plan-*.json")).read_text())
    for key, change in {
        "a1": {"removed": 101},
        "a2": {"key": "b2"},
        "a3": {"pruning": {"criterion": "wanda", "scope": "none", "protected": []}},
        "a4": {"name": ""},
        "a5": {"layers": 3},
        "a6": {"total": float("inf")},
        "a7": {"created": float("nan")},
        "a8": {"created": 1e300},
        "a9": {"accuracy": float("nan")},
        "b1": {"images": -1},
        "b2": {"total": 10**30},
        "b3": {"name": "\ud800"},
        "b4": {"layers": [float("nan")]},
        "b5": {"pruning": {"protected": []}},
    }.items():
        (tmp_path / f"plan-{key}.json").write_text(json.dumps(good | {"key": key} | change))
    (tmp_path / "plan-x.json").write_text("{")
    (tmp_path / "plan-y.json").write_bytes(b"\xff\xfe")
    (tmp_path / "plan-z.json").write_text("[1]")
    (tmp_path / "plan-deep.json").write_text("[" * 200_000)
    assert store.all() == [own]


@pytest.mark.parametrize("name", ["", "  ", "x" * (MAX_NAME + 1)])
def test_a_name_that_is_none_is_a_sentence(name):
    with pytest.raises(NcvizError, match=r"^A plan's name .*\.$"):
        plan(name=name)


def test_a_key_is_no_path(tmp_path):
    with pytest.raises(NcvizError):
        PlanStore(str(tmp_path)).remove("../x")
