import pytest


@pytest.fixture(autouse=True)
def visitor(from_here):
    """Who asks for a page is the server's owner, unless a test says otherwise."""
