"""Webhooks out as a receiver with the public Standard Webhooks library takes them: signed, once, in order, over an outage and a kill."""
import http.server
import json
import sys
import threading

from standardwebhooks import Webhook, WebhookVerificationError

from common import check, check_equal, harness, wait_until


class Receiver:
    """Verifies every request with the library; what fails to verify is kept apart."""

    def __init__(self):
        receiver = self
        self.secrets, self.status = [], 200
        self.taken, self.attempts, self.forged = {}, [], []  # taken: webhook-id → body, in order

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.take(headers, body)
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers, body):
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body.decode(), headers)
            except WebhookVerificationError as error:
                self.forged.append((str(error), headers))
        self.attempts.append(headers["webhook-id"])
        if self.status == 200:
            self.taken.setdefault(headers["webhook-id"], json.loads(body))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def world_with_receiver(arguments):
    return harness.World(arguments, settings={"webhooks_out.allowed_targets": ["127.0.0.1"]})


# Each of these two is an event about endpoint 2, which lies where nothing listens.
def make_events(server, times):
    for _ in range(times):
        server.call("disable_webhook_endpoint", id=2)
        server.call("enable_webhook_endpoint", id=2)


def make_endpoints(server, receiver):
    made = server.call("create_webhook_endpoint", url=receiver.url, kinds=["webhook_endpoint.*"])
    receiver.secrets = [made["secret"]]
    server.call("create_webhook_endpoint", url="https://receiver.invalid/", kinds=["nothing.at_all"])
    return made["id"]


def the_library_verifies_them(arguments):
    receiver = Receiver()
    try:
        with world_with_receiver(arguments) as world:
            endpoint = make_endpoints(world.server, receiver)
            check_equal(world.server.call("test_webhook_endpoint", id=endpoint)["status"], 200, "the test's answer")
            check_equal(list(receiver.taken.values())[0]["type"], "webhook_endpoint.test", "the test's type")
            fresh = world.server.call("rotate_webhook_secret", id=endpoint)["secret"]
            receiver.secrets.append(fresh)  # while it is rotated each of the two must verify
            make_events(world.server, 3)
            wait_until(lambda: len(receiver.taken) >= 7, 20, "six events and the test")
            check_equal(receiver.forged, [], "requests that did not verify")
            check_equal([body["type"] for body in receiver.taken.values()][1:],
                        ["webhook_endpoint.disabled", "webhook_endpoint.enabled"] * 3, "the order")
    finally:
        receiver.close()


def an_outage_and_a_kill_lose_nothing(arguments):
    receiver = Receiver()
    try:
        with world_with_receiver(arguments) as world:
            make_endpoints(world.server, receiver)
            receiver.status = 503
            make_events(world.server, 3)
            wait_until(lambda: receiver.attempts, 20, "a first attempt")
            world.server.kill()
            receiver.status = 200
            world.server.start()
            wait_until(lambda: len(receiver.taken) >= 6, 40, "everything that waited")
            check_equal([body["type"] for body in receiver.taken.values()],
                        ["webhook_endpoint.disabled", "webhook_endpoint.enabled"] * 3, "the order")
            check_equal(receiver.forged, [], "requests that did not verify")
            check(len(set(receiver.attempts)) == 6, "an attempt had an id of its own")
    finally:
        receiver.close()


def private_targets_are_refused(arguments):
    with harness.World(arguments) as world:
        for url in ("http://127.0.0.1:1/", "https://10.0.0.1/", "https://[::1]/", "https://2130706433/", "ftp://example.org/"):
            check_equal(world.server.try_call("create_webhook_endpoint", url=url).status, 400, url)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [the_library_verifies_them, an_outage_and_a_kill_lose_nothing, private_targets_are_refused]))
