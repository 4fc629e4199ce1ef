import pytest


@pytest.fixture(autouse=True)
def visitor(from_here):
    """Who asks for a page sits at this machine, unless a test says otherwise."""
