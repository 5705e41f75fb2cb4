"""Requests as they should not be: webhooks that are forged, oversize or deeply nested, calls without sense, and slow clients."""
import hashlib
import hmac
import json
import socket
import threading
import time

from bad_files import refused, still_well
from harness import APP_SECRET, World, check, check_equal, request


def forged_webhooks(parsed):
    with World(parsed) as world:
        server = world.server
        body = {"object": "whatsapp_business_account", "entry": []}
        raw = json.dumps(body).encode()
        check_equal(server.webhook(body).status, 200, "a signed webhook")
        check_equal(server.webhook(body, secret="wrong").status, 403, "a wrong signature")
        good = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        for header in ("", "sha256=", "sha1=" + good, good, "sha256=" + good[:-1], "sha256=" + good + "0", "sha256=" + "z" * 64):
            answer = request("POST", server.url + "/webhooks/whatsapp", raw, {"X-Hub-Signature-256": header} if header else {})
            check_equal(answer.status, 403, f"signature {header[:20]!r}")
        answer = request("GET", server.url + "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1")
        check_equal(answer.status, 403, "a wrong verify token")
        still_well(world)


def strange_webhooks(parsed):
    """Signed, yet not what Meta sends: accepted into the journal, parked or passed over, never in the way of the next."""
    with World(parsed) as world:
        server = world.server
        too_large = b'{"object":"x","pad":"' + b"a" * (8 << 20) + b'"}'
        check_equal(server.webhook(too_large).status, 413, "an oversize body")
        nested = b'{"object":"whatsapp_business_account","entry":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        bodies = [nested, b"", b"null", b"not json", b"\0\xff", b'{"object":"whatsapp_business_account","entry":[{"changes":7}]}',
                  b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":'
                  b'{"statuses":[{"id":5,"status":["x"],"timestamp":"never"}]}}]}]}']
        for body in bodies:
            status = server.webhook(body).status
            check(status in (200, 400), f"status {status} for {body[:60]!r}")
        broadcast = world.ready_broadcast(50)
        world.start_broadcast(broadcast)
        world.wait_state(broadcast, "completed", 30)
        check_equal(world.settled(broadcast)["counters"]["delivered"], 50, "delivered after the strange webhooks")
        still_well(world)


def strange_calls(parsed):
    with World(parsed) as world:
        server = world.server

        def raw(path, body, headers=None, method="POST"):
            return request(method, server.url + path, body, server.headers(**{"Content-Type": "application/json", **(headers or {})}))

        refused(raw("/api/actions/create_broadcast", b'{"name":'), (400,))
        refused(raw("/api/actions/create_broadcast", b'{"name":"x"}'), (400,), "upload_id")
        refused(raw("/api/actions/create_broadcast", b'[]'), (400,))
        refused(raw("/api/actions/create_broadcast", b'{"name":7,"upload_id":1,"template_name":"x"}'), (400,), "name")
        refused(raw("/api/actions/get_broadcast", b'{"id":"one"}'), (400,), "id")
        refused(raw("/api/actions/get_broadcast", b'{"id":99}'), (404,), "99")
        refused(raw("/api/actions/get_broadcast", b'{"id":1,"colour":"red"}'), (400,), "colour")
        refused(raw("/api/actions/send_template", b'{"to":"12","template_name":"order_update"}'), (400,), "to")
        refused(raw("/api/actions/fly", b"{}"), (404,), "fly")
        refused(raw("/api/actions/ping", b"{}", {"Content-Type": "text/plain"}), (415,), "application/json")
        refused(raw("/api/actions/ping", b"[" * 60_000), (400,))
        refused(raw("/api/actions/ping", b'{"a":"' + b"x" * (20 << 20) + b'"}'), (413,), "64 KiB")
        check_equal(raw("/api/nowhere", b"{}").status, 404, "an unknown path")
        check_equal(request("DELETE", server.url + "/api/actions/ping").status, 405, "an unknown method")
        check_equal(request("POST", server.url + "/api/actions/ping", b"{}").status, 401, "no key")
        check_equal(server.try_call("ping", key="wrong").status, 401, "a wrong key")
        still_well(world)


def command_line(parsed):
    """Exit codes: 2 for words that are not understood; refusals and unreachable servers have their own."""
    with World(parsed) as world:
        cli = world.server.cli
        codes = {}
        for words in (("broadcast", "fly"), ("broadcast", "create"), ("broadcast", "start", "x"), ("serve", "--set", "nonsense")):
            codes[words] = cli(*words)
            check(codes[words][0] == 2, f"{words}: exit code {codes[words][0]} ({codes[words][2][:200]})")
        code, _, err = cli("broadcast", "report", 99)
        check(code not in (0, 2) and "99" in err, f"an unknown broadcast: exit code {code}, {err!r}")
        code, _, err = cli("broadcast", "create", "--file", "/nonexistent.csv", "--template", "order_update")
        check(code not in (0, 2) and "/nonexistent.csv" in err, f"a missing file: exit code {code}, {err!r}")
        code, _, err = cli("doctor", env={"POSTHORN_SERVER": "http://127.0.0.1:1", "POSTHORN_KEY": "x"})
        check(code not in (0, 2) and "127.0.0.1:1" in err, f"no server: exit code {code}, {err!r}")
        for setting, name in (("http.port=70000", "http.port"), ("colour=red", "colour"), ("sending.unknown_hold=soon", "unknown_hold")):
            code, _, err = cli("config", "show", "--set", setting)
            check(code != 0 and name in err, f"{setting}: exit code {code}, {err!r}")
        still_well(world)


def slow_clients(parsed):
    """Three hundred clients that send a byte a second do not keep anybody else waiting, and are sent away."""
    with World(parsed) as world:
        server, stop, ended = world.server, threading.Event(), []

        def crawl(head):
            with socket.create_connection(("127.0.0.1", server.port)) as s:
                s.settimeout(0.01)
                for byte in head:
                    if stop.wait(0.25):
                        return
                    try:
                        s.sendall(bytes([byte]))
                        if s.recv(1000) == b"":
                            raise ConnectionResetError
                    except TimeoutError:
                        continue
                    except OSError:
                        ended.append(1)
                        return

        head = b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n" + b"X-Slow: 1\r\n" * 400
        crawlers = [threading.Thread(target=crawl, args=(head,), daemon=True) for _ in range(300)]
        for crawler in crawlers:
            crawler.start()
        slowest = 0.0
        broadcast = world.ready_broadcast(500)
        world.start_broadcast(broadcast)
        end = time.monotonic() + 40
        while time.monotonic() < end and len(ended) < len(crawlers):
            began = time.monotonic()
            server.call("ping")
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.1)
        stop.set()
        print(f"  300 slow clients: {len(ended)} sent away, the slowest call of another took {slowest:.2f} s", flush=True)
        check(slowest < 2, f"a call took {slowest:.1f} s beside slow clients")
        check_equal(len(ended), len(crawlers), "slow clients sent away")
        world.check_exactly_once(broadcast, 500)
        still_well(world)


CASES = [forged_webhooks, strange_webhooks, strange_calls, command_line, slow_clients]
