import pytest

from ncviz.ui.session import visitors

HERE = (None, {"Host": "localhost:8501"})


@pytest.fixture(autouse=True)
def from_here(monkeypatch):
    """Streamlit's test harness has no connection, and who has none is nobody in particular."""
    monkeypatch.setattr(visitors, "_connection", lambda: HERE)


@pytest.fixture
def from_elsewhere(from_here, monkeypatch):
    """The pages are asked for from another machine."""
    monkeypatch.setattr(visitors, "_connection", lambda: ("192.0.2.7", {"Host": "ncviz.example.org"}))
