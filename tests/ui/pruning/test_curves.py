"""Which runs of the Pruning page are one and the same."""

from dataclasses import fields, replace
from types import SimpleNamespace

from ncviz.config import GraphConfig
from ncviz.scene.comparison import Comparison
from ncviz.ui.pruning import curves

ONE = Comparison(("curvature",), (0,), 1, 0.9, "global", "redundant", (), 0.5)
# For each setting another value.
OTHER = {
    "criteria": ("magnitude",), "seeds": (1, 2), "samples_per_class": 2, "alpha": 0.3, "scope": "layer",
    "order": "bottlenecks", "protected": ("a",), "sparsity": 0.7, "layers": ("a",), "channels": 8,
    "never_active": "last", "graph": GraphConfig("own", "fan-in"), "repair": "recalibrate", "budgets": (("a", 0.5),),
}  # fmt: skip


def test_a_run_is_joined_for_other_criteria_and_draws_and_for_nothing_else(monkeypatch):
    monkeypatch.setattr(curves.session, "context", lambda: SimpleNamespace(fingerprint=lambda of: "images"))
    of = SimpleNamespace(fingerprint="network")
    assert set(OTHER) == {field.name for field in fields(Comparison)}
    own = curves.job_key(of, ONE)
    same = {name for name, value in OTHER.items() if curves.job_key(of, replace(ONE, **{name: value})) == own}
    assert same == {"criteria", "seeds", "sparsity"}
