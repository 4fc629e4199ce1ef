"""What stands before Streamlit: headers, foreign pages, the owner's token."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from ncviz.errors import NcvizError
from ncviz.limits import Limits
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
    with client.websocket_connect("/_stcore/stream", headers={"Host": "localhost:8501", **sent}) as socket:
        return socket.receive_json()


def test_every_answer_has_the_headers(client):
    answers = [client.get("/"), client.get("/fails"), client.get("/?token=wrong")]
    answers += [client.put("/", headers={"Origin": "https://evil.example"})]
    with pytest.raises(WebSocketDenialResponse) as refused:
        heard(client, Origin="https://evil.example")
    assert [each.status_code for each in (*answers, refused.value)] == [200, 500, 403, 403, 403]
    for answer in (*answers, refused.value):
        assert {name: answer.headers.get(name) for name in TOLD} == TOLD
        assert "secret" not in answer.text


def test_a_site_may_be_let_frame_the_pages(client, monkeypatch):
    monkeypatch.setattr(headers, "LIMITS", Limits(frame_ancestors="'self' https://moodle.example"))
    told = client.get("/").headers
    assert told["Content-Security-Policy"] == "frame-ancestors 'self' https://moodle.example"
    assert "X-Frame-Options" not in told


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
    address = owner.owner_address().replace("/?", "/edge?model=a%26b&").partition("8501")[2]
    answer = client.get(address + "&seed=")
    assert (answer.status_code, answer.headers["location"]) == (303, "./edge?model=a%26b&seed=")
    given = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(given.split("; "))
    # Other servers on this machine are sent the cookie too.
    assert owner._TOKEN not in given
    assert heard(client, Cookie=given.partition(";")[0])["is_owner"]


@pytest.mark.parametrize("sent", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
                                  {"X-Real-Ip": "::1"}, {"Cookie": "ncviz_owner_8501="},
                                  {"Cookie": "ncviz_owner_8501=1"}, {"Cookie": b"ncviz_owner_8501=\xe9"}])  # fmt: skip
def test_nothing_else_does(client, sent):
    assert not heard(client, **sent)["is_owner"]
    # Neither does the token itself as a cookie, nor one of another port.
    for cookie in (f"ncviz_owner_8501={owner._TOKEN}", f"ncviz_owner_8502={owner._proof()}"):
        assert not heard(client, Cookie=cookie)["is_owner"]


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
