"""A visitor without a browser, who speaks Streamlit's own protocol, so that many fit beside the server."""

import time
import urllib.error
import urllib.request
from contextlib import ExitStack

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

XSRF = "_streamlit_xsrf"


def is_whole(message):
    """Whether a message ends a run of a page that is not begun anew at once."""
    ends = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
    return message.WhichOneof("type") == "script_finished" and message.script_finished in ends


class Visitor:
    """One session on a server; closing it is leaving the page.

    Args:
        server: Where it goes.
        page: The page's name, "" for the first.
        query: Of its address.
        seconds: For which it waits for a page.
    """

    def __init__(self, server, page="", query="", seconds=120):
        self.server, self.page, self.query, self.states = server, page, query, {}
        self.seconds = seconds
        self.session, self.elements, self.problems = None, [], []
        with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=60) as answer:
            cookies = answer.headers.get_all("Set-Cookie") or []
        self.xsrf = next((each.split(";")[0].partition("=")[2] for each in cookies if XSRF in each), "")
        self._left = ExitStack()
        talk = connect(
            f"{server.url.replace('http', 'ws')}/_stcore/stream",
            origin=server.url,
            subprotocols=["streamlit", self.xsrf] if self.xsrf else ["streamlit"],
            additional_headers={"Cookie": f"{XSRF}={self.xsrf}"},
            max_size=None,
            open_timeout=60,
        )
        self.socket = self._left.enter_context(talk)

    def __enter__(self):
        return self

    def __exit__(self, *of):
        self._left.close()

    def run(self, **pressed):
        """Have the page run, with what was pressed on it; keep what it shows."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_name = self.query, self.page
        asked.context_info.url = f"{self.server.url}/{self.page}"
        for key, (kind, value) in {**self.states, **pressed}.items():
            state = asked.widget_states.widgets.add(id=key)
            if kind == "file":
                state.file_uploader_state_value.CopyFrom(value)
            elif kind == "strings":
                state.string_array_value.data.extend(value)
            else:
                setattr(state, kind, value)
        self.socket.send(message.SerializeToString())
        self._until(is_whole, self.seconds)
        return self

    def labels(self, kind):
        """Return the elements of a kind that the page shows, by their labels."""
        return {
            getattr(each, kind).label: getattr(each, kind)
            for each in self.elements
            if each.WhichOneof("type") == kind
        }

    def press(self, label):
        """Press the button whose label begins so; return whether there is one that can be pressed."""
        for name, button in self.labels("button").items():
            if name.startswith(label) and not button.disabled:
                self.run(**{button.id: ("trigger_value", True)})
                return True
        return False

    def upload(self, label, name, content):
        """Give a file to a field; return the status of the answer."""
        field = self.labels("file_uploader")[label]
        message = BackMsg()
        message.file_urls_request.request_id = "1"
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        self.socket.send(message.SerializeToString())
        found = self._until(lambda found: found.WhichOneof("type") == "file_urls_response", self.seconds)
        place = found.file_urls_response.file_urls[0]
        status = self.put(place.upload_url, name, content)
        if status < 300:
            from streamlit.proto.Common_pb2 import FileUploaderState

            state = FileUploaderState()
            state.uploaded_file_info.add(name=name, size=len(content), file_id=place.file_id, file_urls=place)
            self.states[field.id] = ("file", state)
        return status

    def put(self, place, name, content):
        """Send a file to where the server said; return the status of the answer."""
        mark = "ncviz-visitor"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "X-Xsrftoken": self.xsrf,
                   "Cookie": f"{XSRF}={self.xsrf}"}  # fmt: skip
        asked = urllib.request.Request(self.server.url + place, body, headers, method="PUT")
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def downloads(self):
        """Return the addresses of files that the page offers ready made."""
        return [each.url for each in self.labels("download_button").values() if each.url]

    def fetch(self, place):
        """Return a file that the page offers."""
        with urllib.request.urlopen(self.server.url + place, timeout=120) as answer:
            return answer.read()

    def texts(self):
        """Return all that the page says in words."""
        return [each.markdown.body for each in self.elements if each.WhichOneof("type") == "markdown"] + [
            each.alert.body for each in self.elements if each.WhichOneof("type") == "alert"
        ]

    def _until(self, is_it, seconds):
        deadline = time.monotonic() + seconds
        while True:
            found = ForwardMsg()
            found.ParseFromString(self.socket.recv(max(0.1, deadline - time.monotonic())))
            if found.WhichOneof("type") == "new_session":
                self.session, self.elements = found.new_session.initialize.session_id, []
            if found.WhichOneof("type") == "delta" and found.delta.WhichOneof("type") == "new_element":
                element = found.delta.new_element
                self.elements.append(element)
                if element.WhichOneof("type") == "exception":
                    shown = element.exception
                    self.problems.append(f"{shown.type}: {shown.message[:300]}")
            if is_it(found):
                return found
