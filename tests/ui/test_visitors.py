"""Who counts as sitting at the server's own machine, and what only they may do."""

from types import SimpleNamespace

import pytest

from ncviz.errors import NcvizError
from ncviz.limits import Limits
from ncviz.ui import session, visitors

HOST = {"Host": "localhost:8501"}


@pytest.mark.parametrize(
    ("address", "headers", "is_here"),
    [
        (None, HOST, True),
        ("127.0.0.1", {"Host": "127.0.0.1:8501", "Origin": "http://127.0.0.1:8501"}, True),
        ("::1", {"Host": "[::1]:8501"}, True),
        ("::ffff:127.0.0.1", {"Host": "ncviz.localhost"}, True),
        ("192.0.2.7", {"Host": "192.0.2.1:8501"}, False),
        ("192.0.2.7", HOST, False),
        # Behind a proxy on the same machine the connection is the proxy's.
        (None, {**HOST, "X-Forwarded-For": "192.0.2.7"}, False),
        (None, {**HOST, "X-Forwarded-For": "127.0.0.1"}, False),
        (None, {**HOST, "Forwarded": "for=192.0.2.7"}, False),
        (None, {**HOST, "X-Real-Ip": "192.0.2.7"}, False),
        (None, {**HOST, "Origin": "https://ncviz.example.org"}, False),
        (None, {"Host": "ncviz.example.org"}, False),
        (None, {"Host": "localhost.example.org"}, False),
        (None, {"Host": "127.0.0.1.example.org"}, False),
        (None, {**HOST, "Origin": "null"}, False),
        # A session without a connection is nobody's.
        (None, {}, False),
        ("nonsense", HOST, False),
        (None, {"Host": "[::1"}, False),
    ],
)
def test_only_this_machine_itself_is_local(address, headers, is_here):
    assert visitors.is_loopback(address, headers) == is_here


def test_who_comes_from_elsewhere_needs_the_owners_word(from_elsewhere, monkeypatch):
    with pytest.raises(NcvizError, match="^Naming a folder is for visitors on the server's own machine"):
        visitors.check_trusted("Naming a folder")
    monkeypatch.setattr(visitors, "LIMITS", Limits(trusts_visitors=True))
    visitors.check_trusted("Naming a folder")


def test_who_sits_here_may(from_here):
    visitors.check_trusted("Naming a folder")


def test_a_run_is_stopped_by_whoever_began_it(from_elsewhere, monkeypatch):
    monkeypatch.setattr(session, "token", lambda: "mine")
    assert visitors.may_cancel(SimpleNamespace(owner="mine"))
    assert not visitors.may_cancel(SimpleNamespace(owner="theirs"))
    assert not visitors.may_cancel(SimpleNamespace(owner=None))


def test_a_run_of_anybodys_is_stopped_from_here(from_here, monkeypatch):
    monkeypatch.setattr(session, "token", lambda: "mine")
    assert visitors.may_cancel(SimpleNamespace(owner="theirs"))
