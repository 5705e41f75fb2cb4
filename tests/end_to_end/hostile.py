"""What should never come: forged, stale, oversize, deep, truncated and wrongly typed webhooks, files that are not what they say, hosts
that lie, never end or point inside. Each is refused or put aside with a reason, counted, and in nobody's way.

  hostile.py build/test/src/app/posthorn
"""
import gzip
import hashlib
import hmac
import json
import os
import time

from arrivals import INSTAGRAM_SECRET, post, world_of_three
from harness import APP_SECRET, NUMBERS, WABA, check, check_equal, main, request, wait_until
from outages import message
from outside import INSTAGRAM, Listening, Quiet, get_file, sample
from stored import Store


def count(server, name):
    return sum(value for key, value in server.metrics().items() if key.split("{")[0] == name or key == name)


def still_takes_messages(server, store, number=[100000]):  # noqa: B006  (a new number for every call)
    number[0] += 1
    check_equal(post(server, message(number[0])), 200, "a message after all that")
    wait_until(lambda: store.one("SELECT COUNT(*) FROM messages WHERE channel_id = ?", f"wamid.out.{number[0]}"), 10, "it to be stored")


def envelope(value, field="messages", **changes):
    return {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [{"field": field, "value": value}]}], **changes}


def number_of(value):
    return {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "1", "phone_number_id": NUMBERS["standard"]}, **value}


def forged(parsed):
    with world_of_three(parsed) as (world, _, _):
        server, store = world.server, Store(world.server)
        refused = count(server, 'posthorn_webhooks_total{outcome="refused",secret=""}')
        raw = json.dumps(message(1)).encode()
        good = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        bad = ["", "sha256=" + hmac.new(b"other", raw, hashlib.sha256).hexdigest(), "sha256=" + good[:-2], "sha1=" + good, good, "sha256=" + good + "00"]
        for path in ("meta", "whatsapp", "instagram", "messenger"):
            for header in bad:
                answer = request("POST", f"{server.url}/webhooks/{path}", raw, {"X-Hub-Signature-256": header})
                check_equal((answer.status, answer.body), (403, b""), f"/webhooks/{path} with {header[:20]!r}")
            answer = request("POST", f"{server.url}/webhooks/{path}", raw + b" ", {"X-Hub-Signature-256": "sha256=" + good})
            check_equal(answer.status, 403, "a body with a byte more than was signed")
        check_equal(post(server, message(1), INSTAGRAM_SECRET), 200, "the other app's secret")
        answer = request("POST", f"{server.url}/webhooks/meta", gzip.compress(raw),
                         {"X-Hub-Signature-256": "sha256=" + good, "Content-Encoding": "gzip"})
        check_equal(answer.status, 415, "a packed body")
        check_equal(count(server, 'posthorn_webhooks_total{outcome="refused",secret=""}') - refused, 28, "refusals counted")
        check_equal(post(server, b'{"object":"x","pad":"' + b"a" * (9 << 20) + b'"}'), 413, "an oversize body")
        check_equal(request("POST", server.url + "/webhooks/aws/sns", b"{}", {"x-amz-sns-message-type": "Notification"}).status // 100, 4, "SNS, not set up")
        store.wait_applied()
        check_equal(store.one("SELECT COUNT(*) FROM messages"), 1, "messages")
        still_takes_messages(server, store)


def odd_bodies():
    text = {"from": "4917011110000", "id": "wamid.odd.1", "timestamp": "1790000000", "type": "text", "text": {"body": "fine"}}
    whole = json.dumps(message(2)).encode()
    deep = b'{"object":"whatsapp_business_account","entry":' + b"[" * 150_000 + b"]" * 150_000 + b"}"
    inside = json.dumps(envelope(number_of({"messages": [{**text, "id": "wamid.odd.2", "text": 0}]}))).replace('"text": 0', '"text": ' + "[" * 5000 + "]" * 5000)
    return {
        "empty": b"", "blank": b"  \n", "null": b"null", "a number": b"17", "a text": b'"x"', "no JSON": b"not json", "bytes": b"\0\xff\xfe",
        "truncated": whole[:-20], "cut in a text": whole[:len(whole) // 2], "twice": whole + whole, "deep": deep, "deep inside": inside.encode(),
        "an array of numbers": b"[1,2,3]", "no entry": b'{"object":"whatsapp_business_account"}', "no object": b'{"entry":[]}',
        "an object that is a number": b'{"object":5,"entry":[]}', "a foreign object": b'{"object":"user","entry":[{"id":"1","changed_fields":["feed"]}]}',
        "an entry that is a text": b'{"object":"instagram","entry":"x"}', "entries that are texts": b'{"object":"page","entry":["x",7,null]}',
        "changes that are a number": b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":7}]}',
        "wrong types": json.dumps(envelope(number_of({"messages": [{**text, "id": 5}, {**text, "from": []}, 7, {**text, "timestamp": "never"}, text],
                                                      "contacts": "x", "statuses": {"a": 1}}))).encode(),
        "bad UTF-8": json.dumps(envelope(number_of({"messages": [{**text, "id": "wamid.odd.3"}]}))).encode().replace(b"fine", b"\xc3\x28\xff"),
        "a zero byte": json.dumps(envelope(number_of({"messages": [{**text, "id": "wamid.odd.4", "text": {"body": "a\0b"}}]}))).encode(),
        "a huge number": json.dumps(envelope(number_of({"messages": [{**text, "id": "wamid.odd.5", "timestamp": "9" * 400}]}))).encode(),
        "a long id": json.dumps(envelope(number_of({"messages": [{**text, "id": "w" * 100_000}]}))).encode(),
        "a long name": json.dumps(envelope(number_of({"messages": [{**text, "id": "wamid.odd.6"}],
                                                      "contacts": [{"wa_id": "4917011110000", "profile": {"name": "N" * 200_000}}]}))).encode(),
        "twins": b'{"object":"page","object":"instagram","entry":[{"id":"1","id":"2","messaging":[],"messaging":[{}]}]}',
    }


def odd(parsed):
    """Signed, yet not what Meta sends: 200, since Meta would repeat it for ever; then parked with a reason and the bytes in the journal."""
    with world_of_three(parsed) as (world, _, _):
        server, store = world.server, Store(world.server)
        bodies = odd_bodies()
        for name, raw in bodies.items():
            check(post(server, raw) in (200, 400), f"{name}: the answer")
        store.wait_applied()
        kept = store.one("SELECT COUNT(*) FROM journal", path=store.journal_path)
        check(kept >= len(bodies) - 2, f"{kept} of {len(bodies)} bodies in the journal")
        parked = store.parked()
        for _, reason, _ in parked:
            check(len(reason) > 10 and "exception" not in reason.lower() and "simdjson" not in reason.lower(), f"the reason: {reason!r}")
        check_equal(count(server, "posthorn_events_parked_total"), len(parked), "parked events counted")
        for one in ("wamid.odd.1", "wamid.odd.4", "wamid.odd.5", "wamid.odd.6"):
            check_equal(store.one("SELECT COUNT(*) FROM messages WHERE channel_id = ?", one), 1, f"{one}, sound among the odd")
        listed = server.call("list_parked_events", limit=200)["parked"]
        check_equal(len(listed), len(parked), "parked events listed")
        for action in ("get_conversations", "get_messages", "list_contacts", "list_events"):
            check_equal(server.try_call(action).status, 200, action)
        code, out, err = server.cli("replay", "--parked", "all")
        check(code != 0, f"replay of what cannot be applied: {code} {out} {err}")
        check_equal(len(store.parked()), len(parked), "parked after a replay that cannot help")
        server.kill()
        server.start()
        still_takes_messages(server, store)


def endless(x):
    x.send_response(200)
    x.send_header("Content-Type", "image/jpeg")
    x.end_headers()
    x.close_connection = True
    block = sample("image/jpeg", "endless") + os.urandom(1 << 16)
    for _ in range(4000):  # 256 MiB, or until the reader has enough
        x.wfile.write(block)


def lying(x):
    x.send_response(200)
    x.send_header("Content-Type", "image/jpeg")
    x.send_header("Content-Length", str(1 << 40))
    x.end_headers()
    x.close_connection = True
    x.wfile.write(sample("image/jpeg", "lying"))


def short(x):
    data = sample("image/jpeg", "short")
    x.send_response(200)
    x.send_header("Content-Length", str(len(data) + 1000))
    x.end_headers()
    x.close_connection = True
    x.wfile.write(data)


HTML = b"<!DOCTYPE html><html><script>alert(document.cookie)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'

# name → what the host of media answers; None: it must never be fetched at all.
HOSTS = {
    "html": lambda x: x.reply(200, HTML, "image/jpeg"),
    "svg": lambda x: x.reply(200, SVG, "image/png"),
    "nothing": lambda x: x.reply(200, b"", "image/jpeg"),
    "endless": endless, "lying": lying, "short": short,
    "packed": lambda x: x.reply(200, gzip.compress(sample("image/jpeg", "x")), "image/jpeg", [("Content-Encoding", "gzip")]),
    "circle": lambda x: x.reply(302, headers=[("Location", "/cdn/id/circle")]),
}


class Secret(Listening):
    """A server of the private network that nobody outside may reach through us."""

    def __init__(self):
        self.asked = 0
        outer = self

        class Handler(Quiet):
            def do_GET(self):
                outer.asked += 1
                self.reply(200, sample("image/jpeg", "secret"), "image/jpeg")

        super().__init__(Handler)


def picture(number, url):
    return {"object": "instagram", "entry": [{"id": INSTAGRAM, "time": 1790000000000, "messaging": [
        {"sender": {"id": f"88{number}"}, "recipient": {"id": INSTAGRAM}, "timestamp": int(time.time() * 1000),
         "message": {"mid": f"mid.picture.{number}", "attachments": [{"type": "image", "payload": {"url": url}}]}}]}]}


NAMES = ["../../../etc/passwd", "a\0b.pdf", "con.pdf", "x\r\nSet-Cookie: a=b.pdf", "\u202efdp.exe", '"><script>.pdf', "n" * 5000 + ".pdf", "..", "/abs/olute.pdf", ""]


def hostile_names(server, meta, store):
    for i, name in enumerate(NAMES):
        media = str(660000 + i)
        meta.media[media] = "application/pdf"
        body = message(9000 + i)
        one = body["entry"][0]["changes"][0]["value"]["messages"][0]
        del one["text"]
        one.update({"type": "document", "document": {"id": media, "mime_type": "application/pdf", "filename": name}})
        check_equal(post(server, body), 200, f"file name {name[:20]!r}")
    where = f"media_id BETWEEN '660000' AND '{660000 + len(NAMES) - 1}'"
    wait_until(lambda: store.one(f"SELECT COUNT(*) FROM attachments WHERE state = 1 AND {where}") == len(NAMES), 20, "files with hostile names")
    for number, path in store.rows(f"SELECT id, path FROM attachments WHERE {where}"):
        check(".." not in path and not path.startswith("/") and "\0" not in path, f"path {path!r}")
        answer = get_file(server, number)
        shown = answer.headers["Content-Disposition"]
        check_equal((answer.status, answer.headers.get("Set-Cookie")), (200, None), "a file with a hostile name")
        check(shown.startswith("attachment") and "/" not in shown.replace("UTF-8''", "") and len(shown) < 1000, f"Content-Disposition {shown!r}")


def media(parsed):
    """Whatever the host answers: the message is there at once, the file is not, and the reason says why. With --full until what may be
    a passing error of the host is believed, too, after four attempts."""
    with Secret() as secret, world_of_three(parsed) as (world, meta, _):
        server, store = world.server, Store(world.server)
        urls = {name: f"{meta.url}/cdn/id/{name}" for name in HOSTS}
        meta.files.update({f"/cdn/id/{name}": answer for name, answer in HOSTS.items()})
        meta.files["/cdn/id/inside"] = lambda x: x.reply(302, headers=[("Location", secret.url + "/latest/meta-data")])
        meta.files["/cdn/id/file"] = lambda x: x.reply(302, headers=[("Location", "file:///etc/passwd")])
        urls.update({"inside": f"{meta.url}/cdn/id/inside", "file": f"{meta.url}/cdn/id/file", "private": secret.url + "/x.jpg",
                     "link local": "http://169.254.169.254/latest/meta-data/", "a file": "file:///etc/passwd", "mapped": f"http://[::ffff:127.0.0.1]:{secret.port}/x.jpg",
                     "decimal": f"https://2130706433:{secret.port}/x.jpg", "a name": f"https://localhost:{secret.port}/x.jpg", "no address": "javascript:alert(1)",
                     "credentials": f"http://user@127.0.0.1:{secret.port}/"})
        names = list(urls)
        for i, name in enumerate(names):
            check_equal(post(server, picture(i, urls[name])), 200, name)
        hostile_names(server, meta, store)
        reasons(server, store, names, parsed.full)
        check_equal(secret.asked, 0, "requests that reached the private network")
        check(server.memory() < 200 << 20, f"memory {server.memory() >> 20} MiB")
        check_equal(count(server, "posthorn_media_total") > 0, True, "media counted")
        left = [os.path.join(at, f) for at, _, files in os.walk(os.path.join(server.data, "blobs")) for f in files]
        check_equal(len(left), len(NAMES), "files in the store")
        still_takes_messages(server, store)


def reasons(server, store, names, full):
    rows = "SELECT m.channel_id, a.id, a.state, a.attempts, a.error FROM attachments a JOIN messages m ON m.id = a.message_id WHERE m.channel_id LIKE 'mid.%'"
    at_once = {"endless", "lying"}
    believed = {"html", "svg", "nothing", "inside", "file", "private", "link local", "a file", "mapped", "no address", "credentials"}

    def settled():
        state = {names[int(i.rsplit(".", 1)[1])]: s for i, _, s, _, _ in store.rows(rows)}
        return all(state.get(n, 3) == 3 for n in (at_once | believed if full else at_once))

    wait_until(lambda: store.one(f"SELECT COUNT(*) FROM ({rows}) WHERE attempts = 0 AND state = 0") == 0, 60, "a first attempt at everything")
    wait_until(settled, 75, "hostile files to be refused", 0.2)
    for channel_id, number, state, attempts, error in store.rows(rows):
        name = names[int(channel_id.rsplit(".", 1)[1])]
        check(state in (0, 2, 3) and len(error) > 10, f"{name}: state {state} after {attempts} attempts, {error!r}")
        check(get_file(server, number).status in (404, 503), f"{name}: GET /media/{number}")
        if full:
            print(f"  {name}: {('waiting', 'stored', 'lost', 'refused')[state]}, {error}", flush=True)


def endpoints(parsed):
    """Webhooks out go nowhere inside unless the operator has said so."""
    with world_of_three(parsed, settings={"webhooks_out.allowed_targets": []}) as (world, _, receiver):
        call = world.server.try_call
        for url in (receiver.url, "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://169.254.169.254/", "https://0x7f000001/",
                    "https://2130706433/", "https://[::ffff:10.0.0.1]/", "http://example.org/", "file:///etc/passwd", "https://user:pw@example.org/", "", "https://"):
            answer = call("create_webhook_endpoint", url=url)
            check(answer.status == 400 and "url" in answer.error(), f"{url}: {answer.status} {answer.error()}")
        for url in (f"https://localhost:{receiver.port}/", "https://localhost/"):  # names are looked up when they are called
            made = world.server.call("create_webhook_endpoint", url=url)
            tested = call("test_webhook_endpoint", id=made["id"])
            check("no address of the public internet" in tested.body.decode(), f"{url}: {tested.body[:300]}")
        check_equal(receiver.taken, [], "requests that arrived")


if __name__ == "__main__":
    main(__doc__, [forged, odd, media, endpoints])
