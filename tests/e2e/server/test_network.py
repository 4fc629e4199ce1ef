"""No start, page or request makes the server look beyond this machine; strace sees what it connects to."""

import re
import shutil
import socket

import pytest

from tests.e2e.server.running import Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine"),
]
# Of a line that names an address: whose it is.
ADDRESS = re.compile(r'inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)"')
PAGES = [f"/{page}?model=mlp-digits-relu" for page in ("", "model", "curvature", "pruning", "edge", "learn")]
HERE = ("127.", "::1", "::ffff:127.")


def outside(lines):
    """Return the lines of a trace in which something beyond this machine is named."""
    found = []
    for line in lines:
        if "AF_INET" not in line:
            continue
        address = next((each for groups in ADDRESS.findall(line) for each in groups if each), "?")
        if not address.startswith(HERE):
            found.append(line)
    return found


def test_the_check_sees_what_goes_out():
    lines = [
        '12 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, 16) = 0',
        '12 connect(5, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), '
        'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = -1',
        '12 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        '12 connect(5, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), '
        'inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
        '12 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT',
        '12 sendto(7, "x", 1, 0, NULL, 0) = 1',
    ]  # fmt: skip
    assert outside(lines) == lines[:2]


def shake(port, **headers):
    """Ask for the connection of a page; return the first line of the answer."""
    asked = {
        "Host": f"localhost:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | headers
    with socket.create_connection(("localhost", port), timeout=30) as talk:
        lines = [
            "GET /_stcore/stream HTTP/1.1",
            *(f"{name}: {value}" for name, value in asked.items()),
            "",
            "",
        ]
        talk.sendall("\r\n".join(lines).encode())
        return talk.recv(4096).decode("latin-1").partition("\r\n")[0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {
            "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
            "STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS": "https://site.example",
        },
    ],
    ids=["here", "for others"],
)
def test_nothing_goes_out(browser, tmp_path, settings):
    trace, log = tmp_path / "trace.txt", tmp_path / "log.txt"
    strace = (
        "strace",
        "-f",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-o",
        str(trace),
    )
    with Server(tmp_path / "cache", log, before=strace, **settings) as server:
        page = browser.new_page()
        page.goto(server.owner_address())
        assert page.url == f"{server.url}/"
        for path in PAGES[: 1 if settings else None]:
            page.goto(server.url + path)
            page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=150_000)
        page.close()
        allowed = bool(settings)
        for origin, is_let_in in (
            ("https://evil.example", False),
            ("http://192.0.2.7:8501", False),
            ("https://site.example", allowed),
            (server.url, True),
        ):
            answer = shake(server.port, Origin=origin, **{"X-Forwarded-For": "192.0.2.9"})
            assert answer.split()[1] == ("101" if is_let_in else "403"), (origin, answer)
        # A name that somebody has point here; a proxy's own, which its connections alone can say.
        foreign = f"evil.example:{server.port}"
        for headers, status in (
            ({}, "403"),
            ({"Origin": f"http://{foreign}"}, "403"),
            ({"X-Forwarded-For": "192.0.2.9"}, "101"),
        ):
            assert shake(server.port, Host=foreign, **headers).split()[1] == status
        assert shake(server.port, Host="lab.example", Origin="https://lab.example").split()[1] == "101"
        server.stop()
    lines = trace.read_text().splitlines()
    # It has seen the server talk to this browser.
    assert any("sendto(" in line or "sendmsg(" in line for line in lines)
    assert outside(lines) == []
