"""What the tests with public clients share: the harness, a sandbox that posts one update at a time, a webhook receiver."""
import http.server
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))

import harness  # noqa: E402  (found through the line above)
from harness import APP_SECRET, NUMBERS, TOKEN, VERIFY_TOKEN, WABA, check, check_equal, wait_until  # noqa: E402,F401

APP = "670843887433847"
NUMBER = NUMBERS["fast"]
PHONE = "491701234567"

# The clients read the first update of a body only, as most programs do; batches are the business of other tests.
ONE_BY_ONE = {"webhooks": {"batch_max": 1, "retry_first_ms": 100, "retry_max_ms": 500},
              "phones": {"read": 1.0}, "limits": {"pair": False}}


class SandboxWorld:
    """A sandbox in a folder of its own."""

    def __init__(self, arguments, config=None):
        self.folder = tempfile.TemporaryDirectory(prefix="posthorn-interop-", dir=arguments.folder)
        self.sandbox = harness.Sandbox(arguments.binary, self.folder.name, config or ONE_BY_ONE)

    def __enter__(self):
        return self.sandbox

    def __exit__(self, kind, value, trace):
        self.sandbox.stop()
        self.folder.cleanup()


class Receiver:
    """An HTTP server that hands GET queries and POST bodies to two functions; both answer (text, status)."""

    def __init__(self, on_get, on_post):
        receiver = self
        self.bodies = []  # (body, signature), as they came

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.reply(*on_get(self.path))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature = self.headers["X-Hub-Signature-256"]
                receiver.bodies.append((body, signature))
                self.reply(*on_post(body, signature))

            def reply(self, text, status):
                data = str(text).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.server.shutdown()
        self.server.server_close()


def write_first(sandbox, phone=PHONE, text="Hello", number=NUMBER):
    """The customer writes: opens the 24-hour window. The message's id."""
    return sandbox.post(f"phones/{phone}/send?number={number}", {"type": "text", "text": text})["wamid"]
