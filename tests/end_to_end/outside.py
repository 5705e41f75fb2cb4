"""What lies outside the product besides the sandbox: Meta's media host and Instagram's side, receivers of webhooks, a reader of events.

The media host answers in front of the sandbox: what it does not know itself it passes on.
"""
import hashlib
import http.client
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse

from harness import request

INSTAGRAM, PAGE = "17841405822304914", "108541234567890"

# Smallest beginnings by which the kinds of files are known, followed by something of their own.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043000806060706050806070707")
SAMPLES = {
    "image/jpeg": JPEG,
    "image/png": bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"),
    "image/webp": b"RIFF\x40\0\0\0WEBPVP8 \x30\0\0\0" + b"\0" * 48,
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41\0\0\0\x08free",
    "audio/ogg": b"OggS\0\x02" + b"\0" * 20 + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0",
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + b"\0" * 100,
    "application/pdf": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
}
KINDS = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/ogg", "voice": "audio/ogg", "sticker": "image/webp",
         "document": "application/pdf", "file": "application/pdf"}


def sample(mime, name):
    """A small file of this type, another one for every name."""
    known = SAMPLES.get(mime.split(";")[0].strip(), JPEG)
    return known + (b"\n% " if mime.startswith("application/pdf") else b"") + name.encode()


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, data=b"", content_type="application/json", headers=()):
        data = json.dumps(data).encode() if isinstance(data, (dict, list)) else data
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reset(self):
        """Closes the connection without a word, as a host that is down does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side went away, or reset() did

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def log_message(self, *_):
        pass


class Listening:
    """A server of its own thread on loopback."""

    def __init__(self, handler, port=0):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Meta(Listening):
    """Graph's media ids and files, the Instagram account and the Page; everything else is the sandbox's.

    `media`: id → type that it is said to have. `files`: path → function that answers the request itself (hostile hosts).
    """

    def __init__(self, sandbox_url=None):
        self.sandbox_url, self.up, self.media, self.files, self.fetched = sandbox_url, True, {}, {}, {}
        meta = self

        class Handler(Quiet):
            def do_GET(self):
                meta.answer(self, "GET")

            def do_POST(self):
                meta.answer(self, "POST")

            def do_DELETE(self):
                meta.answer(self, "DELETE")

        super().__init__(Handler)

    def answer(self, x, method):
        body = x.body()
        parts = urllib.parse.urlsplit(x.path)
        path = parts.path
        first = path.strip("/").split("/")
        node = first[1] if len(first) > 1 and first[0].startswith("v2") else ""
        if path.startswith("/cdn/") or node in self.media:
            self.fetched[path] = self.fetched.get(path, 0) + 1
            return self.give(x, path, node) if self.up else x.reset()
        if "subscribed_apps" in path and first[1] in (INSTAGRAM, PAGE, "me"):
            return x.reply(200, {"success": True} if method == "POST" else {"data": []})
        if node in ("me", PAGE):
            return x.reply(200, {"id": PAGE if node == PAGE else "1", "user_id": INSTAGRAM, "username": "the.shop", "name": "The Shop",
                                 "account_type": "BUSINESS", "instagram_business_account": {"id": INSTAGRAM, "username": "the.shop"}})
        if method == "GET" and node.isdigit() and "profile_pic" in parts.query:
            return x.reply(200, {"id": node, "name": f"Person {node[-4:]}", "first_name": "Person", "last_name": node[-4:]})
        self.pass_on(x, method, body)

    def give(self, x, path, node):
        if node:
            mime = self.media[node]
            data = sample(mime, node)
            special = path if f"/cdn/id/{node}" not in self.files else ""
            return x.reply(200, {"id": node, "messaging_product": "whatsapp", "url": f"{self.url}/cdn/id/{node}", "mime_type": mime,
                                 **({"sha256": hashlib.sha256(data).hexdigest(), "file_size": len(data)} if special else {})})
        special = self.files.get(path)
        if special:
            return special(x)
        kind, name = path.split("/")[2:4]
        mime = self.media.get(name, "image/jpeg") if kind == "id" else KINDS.get(kind, "image/jpeg")
        return x.reply(200, sample(mime, name), mime)

    def pass_on(self, x, method, body):
        if not self.sandbox_url:
            return x.reply(404, {"error": {"message": "Unknown path components", "code": 2500}})
        host = urllib.parse.urlsplit(self.sandbox_url).netloc
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            headers = {k: v for k, v in x.headers.items() if k.lower() not in ("host", "content-length", "connection")}
            connection.request(method, x.path, body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
            return x.reply(answer.status, data, answer.headers.get("Content-Type", "application/json"))
        except OSError:
            return x.reset()
        finally:
            connection.close()


class Receiver(Listening):
    """Takes webhooks; keeps them in the order of their arrival as (webhook-id, body)."""

    def __init__(self, port=0):
        self.taken, self.status, self.lock = [], 200, threading.Lock()
        receiver = self

        class Handler(Quiet):
            def do_POST(self):
                raw = self.body()
                status = receiver.status
                if status == 200:
                    with receiver.lock:
                        receiver.taken.append((self.headers["webhook-id"], json.loads(raw)))
                self.reply(status)

        super().__init__(Handler, port)


class EventReader:
    """GET /events in a thread: what was read, in order, with the ids of the log."""

    def __init__(self, server, kinds="*", after=None):
        self.events, self.error, self.ended = [], None, False
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        target = f"/events?kinds={urllib.parse.quote(kinds)}" + ("" if after is None else f"&after={after}")
        self.connection.request("GET", target, headers=server.headers())
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        event, number = None, 0
        try:
            while not self.ended:
                line = self.reply.readline()
                if not line:
                    return
                line = line.decode().rstrip("\n")
                if line.startswith("id:"):
                    number = int(line[3:])
                elif line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    self.events.append((number, event, json.loads(line[5:])))
        except (OSError, ValueError, AttributeError) as error:
            self.error = error

    def close(self):
        self.ended = True
        if self.connection.sock is not None:
            self.connection.sock.close()


def wait_for_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def get_file(server, attachment, headers=None):
    return request("GET", f"{server.url}/media/{attachment}", None, {**server.headers(), **(headers or {})})
