"""A page opened by its own address is told where the server is."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ncviz.ui.frame import shell
from ncviz.ui.http.one_address import PAGE_NAMES, OneAddress

PAGE = "<html><head><title>x</title></head></html>"
TOLD = 'BACKEND_BASE_URL:new URL(".",location).href'


def test_only_the_html_of_a_page_is_changed():
    routes = [
        Route("/_stcore/health", lambda _: JSONResponse("ok")),
        Route("/model", lambda _: JSONResponse({"is": "no page"})),
        Route("/{rest:path}", lambda _: HTMLResponse(PAGE, headers={"etag": "1"})),
    ]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(OneAddress)]))
    for path in ("/edge", "/prefix/learn"):
        answer = client.get(path, headers={"if-none-match": "1"})
        assert answer.status_code == 200
        assert answer.text.startswith(f"<html><head><script>window.__streamlit={{{TOLD}}}</script><title>")
        assert "etag" not in answer.headers
    assert client.get("/").text == PAGE
    assert client.get("/static/edge.js").text == PAGE
    assert client.get("/_stcore/health").json() == "ok"
    assert client.get("/model").json() == {"is": "no page"}


def test_every_page_with_an_address_is_known():
    assert set(PAGE_NAMES) == set(shell._pages()) - {"explore"}
