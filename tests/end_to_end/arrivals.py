"""Everything that arrives on WhatsApp, Instagram and Messenger: every fixture posted to the running server, seen from every side,
and posted again in other orders and batches, which changes nothing.

  arrivals.py build/test/src/app/posthorn
"""
import contextlib
import glob
import hashlib
import hmac
import itertools
import json
import os
import random
import re

from harness import (APP_SECRET, NUMBERS, QUICK_SANDBOX, TOKEN, WABA, World, check, check_equal, main, request, wait_until)
from outside import INSTAGRAM, PAGE, EventReader, Meta, Receiver, get_file
from stored import Store, differences, dump

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "webhooks")
INSTAGRAM_SECRET = "1nstagram" + APP_SECRET[9:]


def post(server, body, secret=APP_SECRET):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return request("POST", server.url + "/webhooks/meta", raw, {"X-Hub-Signature-256": signature}, 30).status


def fixtures(meta):
    """(name, body) of every fixture; files that Meta's hosts keep lie at our own host of media."""
    out = []
    for path in sorted(glob.glob(os.path.join(FIXTURES, "*", "*.json"))):
        with open(path, "rb") as file:
            raw = file.read()
        kind_at = [0]

        def moved(found):
            kind_at[0] += 1
            before = raw[:found.start()].rsplit(b'"type"', 1)[-1]
            kind = re.match(rb'\s*:\s*"([a-z_]+)"', before)
            kind = kind.group(1).decode() if kind else "image"
            return f"{meta.url}/cdn/{kind}/{os.path.basename(path)[:-5]}-{kind_at[0]}".encode()

        channel = path.split(os.sep)[-2]
        if channel != "whatsapp":
            raw = re.sub(rb"https:\\?/\\?/(?:lookaside\.fbsbx|lookaside\.instagram|scontent[^/\\\"]*|cdn\.fbsbx)[^\"]*", moved, raw)
        with contextlib.suppress(ValueError):
            register_media(meta, json.loads(raw))
        out.append((f"{channel}/{os.path.basename(path)[:-5]}", raw))
    return out


def register_media(meta, value):
    """Every WhatsApp media id that a fixture names can be asked for."""
    if isinstance(value, list):
        for one in value:
            register_media(meta, one)
    elif isinstance(value, dict):
        if isinstance(value.get("mime_type"), str) and isinstance(value.get("id"), str):
            meta.media[value["id"]] = value["mime_type"]
        for one in value.values():
            register_media(meta, one)


@contextlib.contextmanager
def world_of_three(parsed, accounts=True, settings=None):
    with Meta() as meta, Receiver() as receiver:
        more = {"graph.base_url": meta.url, "instagram.base_url": meta.url, "instagram.app_secret": INSTAGRAM_SECRET,
                "webhooks_out.allowed_targets": ["127.0.0.1"], **(settings or {})}
        with World(parsed, settings=more, start=False, sandbox=QUICK_SANDBOX) as world:
            meta.sandbox_url = world.sandbox.url
            world.server.start()
            if accounts:
                add_accounts(world)
            yield world, meta, receiver


def add_accounts(world):
    call = world.server.call
    call("add_channel", name="shop", business_id=WABA, phone_number_id=NUMBERS["standard"], token=TOKEN)
    call("add_meta_account", name="gram", channel="instagram", account_id=INSTAGRAM, login="instagram", token="IGAA" + "0" * 40)
    call("add_meta_account", name="page", channel="messenger", account_id=PAGE, token="EAAPage" + "0" * 40)


# How many events of a fixture are parked on purpose; statuses of messages that nobody sent are parked for a while, too.
MEANT_TO_BE_PARKED = {
    "instagram/dashboard_test": 1, "instagram/mixed_batch": 5, "messenger/delivery_of_nothing": 1, "messenger/foreign_object": 1,
    "whatsapp/damaged_calls": 3, "whatsapp/damaged_messages": 8, "whatsapp/history": 2, "whatsapp/user_id_update": 1,
    "whatsapp/user_preferences": 1,
}


def post_all(server, bodies):
    for name, raw in bodies:
        secret = INSTAGRAM_SECRET if name.startswith("instagram/") else APP_SECRET
        check_equal(post(server, raw, secret), 200, name)


def at_rest(store):
    """Everything applied, no attachment that waits for a first attempt, and the event log as long as before."""
    store.wait_applied()
    wait_until(lambda: store.one("SELECT COUNT(*) FROM people p JOIN conversations c ON c.person_id = p.id JOIN accounts a ON "
                                 "a.id = c.account_id AND a.channel <> 'whatsapp' WHERE p.profile_at = 0 AND c.last_inbound_at > 0") == 0,
               10, "the profiles")
    seen = [-1]

    def same():
        now = (store.one("SELECT COALESCE(MAX(id), 0) FROM events"),
               store.one("SELECT COUNT(*) FROM attachments WHERE state = 0 AND attempts = 0"))
        seen.append(now)
        return now[1] == 0 and seen[-1] == seen[-2]

    wait_until(same, 40, "everything to come to rest", 0.7)


def every_kind(parsed):
    with world_of_three(parsed) as (world, meta, receiver):
        server, store = world.server, Store(world.server)
        server.call("create_webhook_endpoint", url=receiver.url + "/all", kinds=["*"])
        first = store.one("SELECT COALESCE(MAX(id), 0) FROM events")
        reader = EventReader(server, after=first)
        bodies = fixtures(meta)
        post_all(server, bodies)
        at_rest(store)
        check_parked(store, bodies)
        check_all_stored(store, bodies)
        check_inbox(server, store)
        check_files(server, store)
        events = check_told(store, reader, receiver, first)
        again(server, store, bodies, events)
        check_equal(len(receiver.taken), len(events), "webhooks after everything came again")
        reader.close()


def check_parked(store, bodies):
    found = {}
    for journal, reason in store.rows("SELECT journal_id, reason FROM parked_events"):
        check(reason and len(reason) > 8, f"a reason that says nothing: {reason!r}")
        if reason != "unmatched":
            name = bodies[journal - 1][0]
            found[name] = found.get(name, 0) + 1
    check_equal(found, MEANT_TO_BE_PARKED, "parked events")


def check_all_stored(store, bodies):
    """What the tables beside the fixtures name as messages is there, by the channel's id and with its type."""
    stored = {}
    for channel_id, kind in store.rows("SELECT channel_id, type FROM messages"):
        check(not channel_id or channel_id not in stored, f"{channel_id} is stored twice")
        stored[channel_id] = kind
    missing = []
    for name, _ in bodies:
        if name in MEANT_TO_BE_PARKED:
            continue
        with open(os.path.join(FIXTURES, name + ".events"), encoding="utf-8") as table:
            for found in re.finditer(r": message type=(\S+) id=(\S+)", table.read()):
                kind, channel_id = found.groups()
                if stored.get(channel_id.strip('"')) != kind:
                    missing.append(f"{name}: {channel_id} as {kind}, stored as {stored.get(channel_id)}")
    check(not missing, "messages that are not stored:\n" + "\n".join(missing))


def check_inbox(server, store):
    listed = server.call("get_conversations", archived="any")["conversations"]
    check_equal(len(listed), store.one("SELECT COUNT(*) FROM conversations WHERE last_message_id <> 0"), "conversations in the inbox")
    check_equal([c["last_message_id"] for c in listed], sorted((c["last_message_id"] for c in listed), reverse=True), "the inbox's order")
    for c in listed:
        page = server.call("get_conversation_messages", conversation_id=c["id"], limit=500)
        count = store.one("SELECT COUNT(*) FROM messages WHERE conversation_id = ?", c["id"])
        check_equal(page["count"], count, f"messages of conversation {c['id']}")
        check(c["last_message_id"] in {m["id"] for m in page["messages"]}, f"the last message of conversation {c['id']}")
    texts = [t for t, in store.rows("SELECT text FROM messages WHERE deleted_at = 0") if len(re.findall(r"[A-Za-z]{3,}", t)) >= 2]
    for text in texts[::9]:
        words = re.findall(r"[A-Za-z]{3,}", text)[:2]
        found = wait_until(lambda words=words: server.call("search_messages", query=" ".join(words))["messages"], 10, f"{words} to be found")
        check(text in [m["text"] for m in found], f"search for {words}")
    check_equal(server.call("search_contacts", query="shee")["contacts"][0]["name"], "Sheena Nelson", "search for a person")


def check_files(server, store):
    for number, kind, media_id, mime, state, error in store.rows(
            "SELECT id, kind, media_id, mime_type, state, error FROM attachments"):
        answer = get_file(server, number)
        if state == 4:  # unsent by its author
            check_equal(answer.status, 404, f"a file that was taken back: attachment {number}")
            continue
        check_equal((state, error), (1, ""), f"attachment {number}, {kind}")
        check_equal(answer.status, 200, f"GET /media/{number}")
        check_equal((answer.headers["X-Content-Type-Options"], "sandbox" in answer.headers["Content-Security-Policy"]),
                    ("nosniff", True), f"headers of /media/{number}")
        if media_id:
            check(answer.body.endswith(media_id.encode()), f"/media/{number} is another file")
        check_equal(request("GET", f"{server.url}/media/{number}").status, 401, "a file without key")


def check_told(store, reader, receiver, first):
    """The live stream and the receiver of webhooks were told every event once, the stream in the log's order."""
    log = store.rows("SELECT id, kind FROM events WHERE id > ? ORDER BY id", first)
    wait_until(lambda: len([1 for n, _, _ in reader.events if n]) >= len(log), 20, "the live stream")
    check_equal([(n, data["type"]) for n, _, data in reader.events if n], log, "the live stream")
    wait_until(lambda: len(receiver.taken) >= len(log), 20, "webhooks out")
    by_id = dict(store.rows("SELECT webhook_id, event_id FROM webhook_deliveries"))
    told = [(by_id[webhook_id], body["type"]) for webhook_id, body in receiver.taken]
    check_equal((len(told), sorted(set(log) ^ set(told))), (len(log), []), "webhooks out: how many, and what is only here or there")
    return log


def again(server, store, bodies, events):
    before = dump(store)
    dice = random.Random(7)
    mixed = [raw for _, raw in bodies]
    dice.shuffle(mixed)
    for raw in mixed + rebatched(bodies, dice):
        check_equal(post(server, raw), 200, "a repeated body")
    at_rest(store)
    found = differences(before, dump(store))
    new = store.rows("SELECT id, kind, subject, data FROM events WHERE id > ?", events[-1][0])
    check(not found and not new, "repetition changed something:\n" + "\n".join(found) + "\n" + "\n".join(map(str, new[:20])))


def rebatched(bodies, dice):
    """The entries of all readable bodies, mixed, in bodies of up to nine."""
    entries = {}
    for _, raw in bodies:
        with contextlib.suppress(ValueError):
            whole = json.loads(raw)
            for one in whole if isinstance(whole, list) else [whole]:
                if isinstance(one, dict) and isinstance(one.get("entry"), list):
                    entries.setdefault(one.get("object"), []).extend(one["entry"])
    out = []
    for name, all_of_it in entries.items():
        dice.shuffle(all_of_it)
        for at in range(0, len(all_of_it), 9):
            out.append(json.dumps({"object": name, "entry": all_of_it[at:at + 9]}).encode())
    return out


# Fixtures that contradict each other unless they come in one order: who holds a number, what a group is called at one second.
# A status waits for its message, but in seconds.
ORDER_MATTERS = re.compile(r"whatsapp/(standby_status|system_|user_id_update|group_|call_|history_media|text_(user_id|username|phone|identity)|user_preferences|request_welcome|address_book|echo)")


def another_order(parsed):
    """Three servers are told the same in different orders and batches; what they know in the end is the same."""
    dumps = []
    for seed in (1, 2, 3):
        with world_of_three(parsed) as (world, meta, _):
            store, dice = Store(world.server), random.Random(seed)
            bodies = [(name, raw.replace(meta.url.encode(), b"http://media.test")) for name, raw in fixtures(meta)
                      if not ORDER_MATTERS.match(name)]
            dice.shuffle(bodies)
            for raw in [raw for _, raw in bodies] if seed == 1 else rebatched(bodies, dice):
                check_equal(post(world.server, raw), 200, "a body")
            at_rest(store)
            dumps.append(dump(store))
            dumps[-1].pop("attachments")
    check(len(dumps[0]["messages"]) > 90, f"{len(dumps[0]['messages'])} messages only")
    for other in dumps[1:]:
        found = differences(dumps[0], other)
        check(not found, "another order made a difference:\n" + "\n".join(found))


def history_in_any_order(parsed):
    """The place that history keeps for a file, and the file: one message with the file, whichever comes first."""
    for first in (0, 1):
        with world_of_three(parsed) as (world, meta, _):
            store = Store(world.server)
            bodies = sorted((n, raw) for n, raw in fixtures(meta) if n in ("whatsapp/history", "whatsapp/history_media"))
            post_all(world.server, [bodies[first], bodies[1 - first]])
            at_rest(store)
            check_equal(store.rows("SELECT m.type, m.text, a.state FROM messages m LEFT JOIN attachments a ON a.message_id = m.id "
                                   "WHERE m.channel_id = 'wamid.H3'"), [("image", "old", 1)], "the file of history")


def missing_account(parsed):
    """Messages for accounts that are not there yet are parked, and come in when they are."""
    with world_of_three(parsed, accounts=False) as (world, meta, _):
        server, store = world.server, Store(world.server)
        bodies = [(name, raw) for name, raw in fixtures(meta) if name.split("/")[1] in ("text", "image", "two_images", "voice")]
        post_all(server, bodies * 2)
        at_rest(store)
        check_equal(store.one("SELECT COUNT(*) FROM messages"), 0, "messages without an account")
        parked = server.call("list_parked_events", limit=100)["parked"]
        check(len(parked) >= len(bodies) and all("add the channel, then replay" in p["reason"] for p in parked), f"parked: {parked[:2]}")
        check_equal(server.cli("replay", "--parked", "all")[0] != 0, True, "replay without the account says that it is parked again")
        add_accounts(world)
        code, out, err = server.cli("replay", "--parked", "all", "--json")
        check_equal(code, 0, f"replay: {out} {err}")
        at_rest(store)
        check_equal(len(store.parked()), 0, "parked after the replay")
        check_equal(store.one("SELECT COUNT(*) FROM messages"), len(bodies), "messages after the replay")
        wait_until(lambda: store.one("SELECT COUNT(*) FROM attachments WHERE state <> 1") == 0, 20, "the files of parked messages")
        before = dump(store)
        code, out, err = server.cli("replay", "--from", 1, "--json")
        check_equal(code, 0, f"replay of everything: {out} {err}")
        at_rest(store)
        check_equal(differences(before, dump(store)), [], "changes by a replay of the whole journal")


class Somebody:
    """A person of their own for each order that is tried: ids that nobody else has, and what happens to them."""

    def __init__(self, number):
        self.number = number

    def phone(self, which):
        return f"49151{self.number:06d}{which}0"

    def user_id(self, which):
        return f"DE.77{self.number:06d}{which}"

    def parent_id(self):
        return f"DE.ENT.77{self.number:06d}"

    def value(self, **lists):
        return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": {
            "display_phone_number": "15550783881", "phone_number_id": NUMBERS["standard"]}, **lists}}

    def writes(self, at, phone=None, user_id=None, parent=False, username=None):
        """A message of theirs, naming them by what is given."""
        sender, contact = {}, {"profile": {"name": f"Somebody {self.number}"}}
        if phone is not None:
            sender["from"] = contact["wa_id"] = self.phone(phone)
        if user_id is not None:
            sender["from_user_id"] = contact["user_id"] = self.user_id(user_id)
        if parent:
            sender["from_parent_user_id"] = contact["parent_user_id"] = self.parent_id()
        if username:
            contact["profile"]["username"] = username
        return self.value(contacts=[contact], messages=[{
            **sender, "id": f"wamid.{self.number}.{at}", "timestamp": str(1790000000 + at), "type": "text", "text": {"body": f"{at}"}}])

    def changes(self, at, kind, before, after):
        """The system message of a new number or user id; before and after: {"phone": …, "user_id": …}."""
        system = {"type": kind, "body": "changed"}
        sender = {}
        if "phone" in after:
            system["wa_id"] = self.phone(after["phone"])
        if "user_id" in after:
            system["user_id"] = self.user_id(after["user_id"])
        if "phone" in before:
            sender["from"] = self.phone(before["phone"])
        if "user_id" in before:
            sender["from_user_id"] = self.user_id(before["user_id"])
        return self.value(messages=[{**sender, "id": f"wamid.{self.number}.{at}", "timestamp": str(1790000000 + at), "type": "system",
                                     "system": system}])

    def updates(self, at, before, after):
        """user_id_update, as Meta described it first."""
        value = self.value(contacts=[], user_id_update=[{
            "detail": "updated", "timestamp": str(1790000000 + at),
            "user_id": {"previous": self.user_id(before), "current": self.user_id(after)}}])
        return {**value, "field": "user_id_update"}


# What one person goes through, each part at its second; from the fiftieth on it is somebody else, who got the old number.
LIVES = {
    "named in more and more ways": lambda p: [p.writes(1, phone=0), p.writes(2, phone=0, user_id=0), p.writes(3, user_id=0),
                                              p.writes(4, user_id=0, parent=True, username="some.body")],
    "a new number, numbers only": lambda p: [p.writes(1, phone=0), p.changes(2, "user_changed_number", {"phone": 0}, {"phone": 1}),
                                             p.writes(3, phone=1)],
    "several messages before": lambda p: [p.writes(1, phone=0), p.writes(2, phone=0),
                                          p.changes(3, "user_changed_number", {"phone": 0}, {"phone": 1}), p.writes(4, phone=1)],
    "two numbers later": lambda p: [
        p.writes(1, phone=0), p.changes(2, "user_changed_number", {"phone": 0}, {"phone": 1}), p.writes(3, phone=1),
        p.changes(4, "user_changed_number", {"phone": 1}, {"phone": 2}), p.writes(5, phone=2)],
    "a new number, and user ids since": lambda p: [
        p.writes(1, phone=0), p.changes(2, "user_changed_number", {"phone": 0}, {"phone": 1, "user_id": 1}),
        p.writes(3, phone=1, user_id=1), p.writes(4, user_id=1)],
    "the number's next owner, with user ids": lambda p: [
        p.writes(1, phone=0, user_id=0),
        p.changes(2, "user_changed_number", {"phone": 0, "user_id": 0}, {"phone": 1, "user_id": 1}), p.writes(3, user_id=1),
        p.writes(50, phone=0, user_id=9)],
    "a new number with user ids": lambda p: [
        p.writes(1, phone=0, user_id=0),
        p.changes(2, "user_changed_number", {"phone": 0, "user_id": 0}, {"phone": 1, "user_id": 1}), p.writes(3, phone=1, user_id=1)],
    "another user id, numbers hidden": lambda p: [
        p.writes(1, user_id=0), p.changes(2, "user_changed_user_id", {"user_id": 0}, {"user_id": 1}), p.writes(3, user_id=1)],
    "the number shown before, hidden after": lambda p: [
        p.writes(1, phone=0, user_id=0), p.changes(2, "user_changed_user_id", {"user_id": 0}, {"user_id": 1}), p.writes(3, user_id=1)],
    "a user id updated": lambda p: [p.writes(1, user_id=0), p.updates(2, 0, 1), p.writes(3, user_id=1)],
    "two user ids later": lambda p: [p.writes(1, user_id=0), p.changes(2, "user_changed_user_id", {"user_id": 0}, {"user_id": 1}),
                                     p.changes(3, "user_changed_user_id", {"user_id": 1}, {"user_id": 2}), p.writes(4, user_id=2)],
    "two numbers later, with user ids": lambda p: [
        p.writes(1, phone=0, user_id=0),
        p.changes(2, "user_changed_number", {"phone": 0, "user_id": 0}, {"phone": 1, "user_id": 1}), p.writes(3, phone=1, user_id=1),
        p.changes(4, "user_changed_number", {"phone": 1, "user_id": 1}, {"phone": 2, "user_id": 2})],
}


def changes_of_identity_in_any_order(parsed):
    """Whoever changes number or user id stays one person with one conversation, in whatever order it is told."""
    with world_of_three(parsed) as (world, _, _receiver):
        store, people, number = Store(world.server), {}, 0
        for name, life in LIVES.items():
            for order in itertools.permutations(range(len(life(Somebody(0))))):
                number += 1
                told = life(Somebody(number))
                people[number] = (name, order, len(told))
                for one in order:
                    body = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "time": 1790000100, "changes": [told[one]]}]}
                    check_equal(post(world.server, body), 200, name)
        store.wait_applied(60)
        found, others = {}, {}
        for channel_id, conversation, person in store.rows(
                "SELECT m.channel_id, m.conversation_id, c.person_id FROM messages m JOIN conversations c ON c.id = m.conversation_id "
                "WHERE m.channel_id LIKE 'wamid.%.%'"):
            _, whose, at = channel_id.split(".")[:3]
            (others if int(at) >= 50 else found).setdefault(int(whose), []).append((conversation, person))
        wrong = []
        for number, (name, order, messages) in people.items():
            at, other = found.get(number, []), others.get(number, [])
            # The update of a user id has no id of its own, and so no message that could be counted here.
            least = messages - len(other) - (name == "a user id updated")
            if len(set(at)) != 1 or len(at) < least or set(at) & set(other):
                wrong.append(f"{name}, order {order}: {len(at)} messages of {least} with {len(set(at))} people")
        check(not wrong, f"{len(wrong)} of {len(people)} orders:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main(__doc__, [every_kind, another_order, history_in_any_order, changes_of_identity_in_any_order, missing_account])
