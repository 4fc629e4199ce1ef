"""What stands before Streamlit: headers, foreign pages, the owner's token."""

import socket
import sys

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from ncviz.errors import NcvizError
from ncviz.ui.http import headers, origins, owner, serving
from ncviz.ui.http.uploads import BoundedUploads

TOLD = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


@pytest.fixture
def client():
    """The server's own middleware before an app that tells what reached it."""

    async def talk(websocket):
        await websocket.accept()
        await websocket.send_json(
            {"origin": websocket.headers.get("origin"), "is_owner": owner.is_owner(websocket.cookies)}
        )
        await websocket.close()

    def fail(request):
        raise RuntimeError("secret")

    routes = [
        WebSocketRoute("/_stcore/stream", talk),
        Route("/fails", fail),
        Route("/{rest:path}", lambda request: PlainTextResponse(str(request.url)), methods=["GET", "PUT"]),
    ]
    # Uploads have tests of their own, with what Streamlit holds.
    kept = [each for each in serving.MIDDLEWARE if each.cls is not BoundedUploads]
    app = Starlette(routes=routes, middleware=kept, exception_handlers=serving.FAULTS)
    return TestClient(app, "http://localhost:8501", raise_server_exceptions=False, follow_redirects=False)


def heard(client, **sent):
    asked = "ws://localhost:8501/_stcore/stream"
    with client.websocket_connect(asked, headers={"Host": "localhost:8501", **sent}) as talk:
        return talk.receive_json()


def test_every_answer_has_the_headers(client):
    answers = [client.get("/"), client.get("/fails"), client.get("/?token=wrong")]
    answers += [client.put("/", headers={"Origin": "https://evil.example"})]
    with pytest.raises(WebSocketDenialResponse) as refused:
        heard(client, Origin="https://evil.example")
    assert [each.status_code for each in (*answers, refused.value)] == [200, 500, 403, 403, 403]
    with (
        pytest.raises(WebSocketDenialResponse) as nowhere,
        client.websocket_connect("ws://localhost:8501/edge"),
    ):
        pass
    assert nowhere.value.status_code == 403
    for answer in (*answers, refused.value, nowhere.value):
        assert {name: answer.headers.get(name) for name in TOLD} == TOLD
        assert "secret" not in answer.text


def test_a_site_may_be_let_frame_the_pages(client, monkeypatch):
    named = headers.read_ancestors({"NCVIZ_FRAME_ANCESTORS": "'self' https://moodle.example"})
    monkeypatch.setattr(headers, "_ANCESTORS", named)
    told = client.get("/").headers
    assert told["Content-Security-Policy"] == "frame-ancestors 'self' https://moodle.example"
    assert "X-Frame-Options" not in told
    assert headers.read_ancestors({}) == "'self'"
    for more in ("'self'; script-src *", "'self'\nSet-Cookie: a", "'self', default-src *", "'self' ä"):
        with pytest.raises(NcvizError, match="sites with spaces between them"):
            headers.read_ancestors({"NCVIZ_FRAME_ANCESTORS": more})


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9999", "null", "http://[", ""])
def test_a_foreign_page_is_refused(client, origin):
    with pytest.raises(WebSocketDenialResponse):
        heard(client, Origin=origin)
    assert client.put("/", headers={"Origin": origin}).status_code == 403
    assert client.get("/", headers={"Origin": origin}).status_code == 200


def test_the_servers_own_page_and_who_is_no_browser_are_let_in(client):
    assert heard(client, Origin="http://localhost:8501")["origin"] == "http://localhost:8501"
    assert heard(client)["origin"] is None


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        ({"server.corsAllowedOrigins": ["https://site.example/"]}, "https://site.example"),
        ({"server.enableCORS": False}, "https://evil.example"),
        ({"browser.serverAddress": "lab.example", "browser.serverPort": 443}, "https://lab.example"),
        ({"browser.serverAddress": "lab.example", "browser.serverPort": 8443}, "https://lab.example:8443"),
    ],
)
def test_the_owner_may_let_other_pages_in(client, monkeypatch, options, origin):
    # Streamlit is told nothing of them: it would look for its own address on the Internet.
    real = origins.config.get_option
    monkeypatch.setattr(origins.config, "get_option", lambda name: options.get(name, real(name)))
    monkeypatch.setattr(origins.config, "is_manually_set", lambda name: name in options)
    assert heard(client, Origin=origin)["origin"] is None


def test_the_token_makes_a_browser_the_owners(client):
    assert not heard(client)["is_owner"]
    address = owner.owner_address().replace("/?", "/edge?model=a%26b&")
    answer = client.get(address + "&seed=")
    assert (answer.status_code, answer.headers["location"]) == (303, "./edge?model=a%26b&seed=")
    given = answer.headers["set-cookie"]
    # Without a path, which is then the folder of the page: nothing else behind the same proxy is sent it.
    assert set(given.split("; ")[1:]) == {"HttpOnly", "SameSite=strict"}
    # Other servers on this machine are sent the cookie too.
    assert owner._TOKEN not in given
    assert heard(client, Cookie=given.partition(";")[0])["is_owner"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_no_log_of_what_was_asked_has_the_token(client, method):
    scopes = []

    async def logging(scope, receive, send):
        scopes.append(scope)
        await real(scope, receive, send)

    real = client.app
    seen = TestClient(logging, "http://localhost:8501", follow_redirects=False)
    for token in (owner._TOKEN, "another"):
        seen.request(method, f"/?{owner.FIELD}={token}&seed=1")
    assert [scope["query_string"] for scope in scopes] == [b"seed=1"] * 2


@pytest.mark.parametrize("sent", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
                                  {"X-Real-Ip": "::1"}, {"Cookie": "ncviz_owner_8501="},
                                  {"Cookie": "ncviz_owner_8501=1"}, {"Cookie": b"ncviz_owner_8501=\xe9"}])  # fmt: skip
def test_nothing_else_does(client, sent):
    assert not heard(client, **sent)["is_owner"]
    # Neither does the token itself as a cookie.
    assert not heard(client, Cookie=f"ncviz_owner_8501={owner._TOKEN}")["is_owner"]


@pytest.mark.parametrize(
    ("sent", "is_secure"),
    [({}, False), ({"X-Forwarded-Proto": "https, http"}, True), ({"X-Forwarded-Proto": "http"}, False)],
)
def test_a_cookie_that_came_encrypted_is_never_sent_otherwise(client, sent, is_secure):
    given = client.get(owner.owner_address(), headers=sent).headers["set-cookie"]
    assert ("Secure" in given.split("; ")) == is_secure


def test_the_address_is_told_where_it_is_known(monkeypatch):
    monkeypatch.setattr(owner.config, "_server_mode", "asgi-server")
    assert owner.owner_address().startswith("/?token=")
    monkeypatch.setattr(owner.config, "_server_mode", "starlette-app")
    assert owner.owner_address().startswith("http://localhost:8501/?token=")


@pytest.mark.parametrize(
    "host", ["evil.example:8501", "localhost.evil.example:8501", "127.0.0.1.evil.example:8501", "a:b:8501"]
)
def test_a_name_that_somebody_had_point_here_is_refused(client, host):
    with pytest.raises(WebSocketDenialResponse):
        heard(client, Host=host, Origin=f"http://{host}")
    for answer in (client.get("/", headers={"Host": host}), client.put("/", headers={"Host": host})):
        assert answer.status_code == 403
        assert "server.allowedHosts" in answer.text


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("localhost:8501", {}),
        ("LOCALHOST.:8501", {}),
        ("app.localhost:8501", {}),
        ("127.0.0.1:8501", {}),
        ("[::1]:8501", {}),
        (f"{socket.gethostname()}:8501", {}),
        # The other end of a tunnel, and proxies that pass the name on: with a word of their own, or without.
        ("localhost:9000", {}),
        ("lab.example:8501", {"X-Forwarded-For": "192.0.2.7"}),
        ("lab.example", {}),
        ("lab.example:8888", {}),
    ],
)
def test_names_of_this_machine_and_of_proxies_are_let_in(client, host, sent):
    assert heard(client, Host=host, Origin=f"http://{host}", **sent)


def test_names_are_not_looked_at_where_others_come_from(client):
    client = TestClient(client.app, "http://192.0.2.1:8501")
    assert client.get("/", headers={"Host": "lab.example:8501"}).status_code == 200


def test_a_token_of_ones_own_cannot_be_guessed():
    assert len(owner.read_token({})) >= 32
    assert owner.read_token({}) != owner.read_token({})
    assert owner.read_token({"NCVIZ_TOKEN": "x" * 20}) == "x" * 20
    for weak in ("x" * 19, "ä" * 30, "x" * 30 + "\n"):
        with pytest.raises(NcvizError, match="at least 20 printable"):
            owner.read_token({"NCVIZ_TOKEN": weak})


def test_what_refuses_comes_before_what_reads():
    names = [each.cls.__name__ for each in serving.MIDDLEWARE]
    assert all(isinstance(each, Middleware) for each in serving.MIDDLEWARE)
    assert names.index("SecurityHeaders") == 0
    assert names.index("OwnOrigin") < names.index("BoundedUploads")


@pytest.mark.skipif(sys.platform == "win32", reason="where nobody lists what is open")
def test_no_answer_waits_for_the_one_before_to_be_acknowledged():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        serving.send_at_once()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as talk:
            assert talk.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
