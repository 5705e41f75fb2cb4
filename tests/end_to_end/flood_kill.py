"""kill -9 at random instants while 64 connections post message webhooks, an auto-reply answers, and webhooks go out.

At the end: every body that was answered 200 is stored exactly once, unread counts and the inbox agree with the messages, nobody was
answered twice to one message (the sandbox's ledger judges), and the receiver of webhooks was told every message, each under one id.

  flood_kill.py build/test/src/app/posthorn --kills 200 --seed 1
"""
import asyncio
import contextlib
import hashlib
import hmac
import json
import sys
import threading
import time

from harness import (APP_SECRET, NUMBERS, QUICK_SANDBOX, WABA, World, arguments, check, check_equal, percentile, run_cases, seeded,
                     wait_until)
from outside import Receiver
from stored import Store

CONNECTIONS = 64
FIRST_PHONE = 4917020000000
ACCEPTED, UNKNOWN = 2, (5, 6)  # messaging/send_state.h


class Flood:
    """Posts messages until it is told to stop; Meta's way: what is not answered 200 comes again. One in ten is given up."""

    def __init__(self, port, phones, rate, seed):
        self.port, self.phones, self.rate, self.dice = port, phones, rate, seeded(seed)
        self.made, self.acknowledged, self.sent, self.stopping, self.posts, self.failures = 0, set(), {}, False, 0, 0
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    def next_body(self):
        """One to four messages in one body: (their ids, the request)."""
        ids, messages, contacts = [], [], []
        for _ in range(self.dice.choice((1, 1, 1, 2, 4))):
            i = self.made
            self.made += 1
            phone = FIRST_PHONE + (i if i < self.phones else self.dice.randrange(self.phones))
            ids.append(f"wamid.flood.{i}")
            self.sent[ids[-1]] = phone
            messages.append({"from": str(phone), "id": ids[-1], "timestamp": str(int(time.time())), "type": "text",
                             "text": {"body": f"message {i}"}})
            contacts.append({"profile": {"name": f"Guest {phone % 100000}"}, "wa_id": str(phone)})
        value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "1", "phone_number_id": NUMBERS["fast"]},
                 "contacts": contacts, "messages": messages}
        raw = json.dumps({"object": "whatsapp_business_account",
                          "entry": [{"id": WABA, "changes": [{"field": "messages", "value": value}]}]}).encode()
        signature = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        head = (f"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n"
                f"X-Hub-Signature-256: sha256={signature}\r\n\r\n")
        return ids, head.encode() + raw

    async def run(self):
        await asyncio.gather(*(self.connection() for _ in range(CONNECTIONS)))

    async def connection(self):
        stream = None
        while not self.stopping:
            ids, request = self.next_body()
            tries = 2 if self.dice.random() < 0.1 else 1  # some come twice, although the first was taken
            while tries > 0:
                answered = False
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
                    stream = stream or await asyncio.open_connection("127.0.0.1", self.port)
                    answered = await asyncio.wait_for(self.post(stream, request), 10)
                self.posts += 1
                if answered:
                    self.acknowledged.update(ids)
                    tries -= 1
                    continue
                self.failures += 1
                if stream is not None:
                    stream[1].close()
                    stream = None
                if self.stopping or self.dice.random() < 0.1:
                    break
                await asyncio.sleep(0.03)
            await asyncio.sleep(self.dice.uniform(0.5, 1.5) * CONNECTIONS * 1.6 / self.rate)
        if stream is not None:
            stream[1].close()

    @staticmethod
    async def post(stream, request):
        reader, writer = stream
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                await reader.readexactly(int(line.split(b":")[1]))
        return head.startswith(b"HTTP/1.1 200")

    def stop(self):
        self.stopping = True
        self.thread.join(60)
        check(not self.thread.is_alive(), "the flood did not end")


def open_windows(world, phones):
    """Everybody writes once by way of the sandbox, which else refuses free messages to them as Meta does."""
    for i in range(phones):
        world.sandbox.post(f"phones/{FIRST_PHONE + i}/send?number={NUMBERS['fast']}", {"type": "text", "text": "hello"})
    world.sandbox.wait_idle()


def prepare(world, receiver, phones):
    server, store = world.server, Store(world.server)
    open_windows(world, phones)
    wait_until(lambda: store.one("SELECT COUNT(*) FROM messages") == phones, 30, "everybody's first message")
    server.call("create_webhook_endpoint", url=receiver.url + "/hooks", kinds=["message.received"])
    server.call("save_automation_rule", name="answer", enabled=True,
                rule={"do": [{"effect": "text", "text": "We have got it.", "quote": True}]})
    return store


def flood_kill(parsed):
    dice, starts, phones = seeded(parsed.seed), [], max(600, parsed.kills * 200)
    settings = {"webhooks_out.allowed_targets": ["127.0.0.1"], "automation.max_per_hour": 1000}
    with Receiver() as receiver, World(parsed, settings=settings, sandbox=QUICK_SANDBOX) as world:
        store = prepare(world, receiver, phones)
        first_event = store.one("SELECT MAX(id) FROM events")
        flood = Flood(world.server.port, phones, parsed.rate, parsed.seed)
        flood.thread.start()
        for _ in range(parsed.kills):
            longer = dice.random() < 0.3  # so long that answers leave: a start waits a second for Meta's rate
            time.sleep(dice.uniform(1.2, 2.2) if longer else dice.uniform(*parsed.between))
            world.server.kill()
            starts.append(world.server.start())
        time.sleep(0.5)
        flood.stop()
        print(f"  {flood.made} messages in {flood.posts} posts, {flood.failures} without answer, {len(flood.acknowledged)} messages "
              f"acknowledged; ready after a kill in {percentile(starts, 0.5):.2f} s (median), {max(starts):.2f} s (most)", flush=True)
        judge_messages(store, flood)
        judge_answers(world, store, flood)
        judge_webhooks(store, receiver, first_event, parsed.kills)


def judge_messages(store, flood):
    store.wait_applied(60)
    stored = {}
    for channel_id, phone in store.rows("SELECT m.channel_id, a.value FROM messages m JOIN conversations c ON c.id = m.conversation_id "
                                        "JOIN person_addresses a ON a.person_id = c.person_id AND a.kind = 1 WHERE m.direction = 0"):
        stored.setdefault(channel_id, []).append(phone)
    lost = [i for i in flood.acknowledged if i not in stored]
    check(not lost, f"{len(lost)} acknowledged messages are not stored, such as {lost[:3]}")
    for channel_id, phones in stored.items():
        if channel_id in flood.sent:
            check_equal(phones, [str(flood.sent[channel_id])], f"whose message {channel_id} is")
        check_equal(len(phones), 1, f"times that {channel_id} is stored")
    strangers = [i for i in stored if i.startswith("wamid.flood") and i not in flood.sent]
    check(not strangers, f"messages that nobody sent: {strangers[:3]}")
    wrong = store.rows("SELECT c.id, c.unread, COUNT(m.id) FROM conversations c JOIN messages m ON m.conversation_id = c.id "
                       "AND m.direction = 0 GROUP BY c.id HAVING c.unread <> COUNT(m.id)")
    check_equal(wrong[:3], [], "unread counts")
    check_equal(store.parked(), [], "parked events")


def judge_inbox(store):
    wrong = store.rows("SELECT c.id, c.last_message_id, c.last_message_at, MAX(m.at), MAX(m.id) FROM conversations c JOIN messages m "
                       "ON m.conversation_id = c.id GROUP BY c.id HAVING c.last_message_at / 1000000 <> MAX(m.at) / 1000000 "
                       "OR (SELECT l.at / 1000000 FROM messages l WHERE l.id = c.last_message_id) <> MAX(m.at) / 1000000")
    check_equal(wrong[:3], [], "the last message of a conversation")


def by_phone(rows):
    out = {}
    for phone, state in rows:
        found = out.setdefault(phone, [0, 0])
        found[0] += state == ACCEPTED
        found[1] += state in UNKNOWN
    return out


def judge_answers(world, store, flood):
    """Every message of the flood has one answer in the store; each phone got those that were accepted, and of the unknown ones at
    most each once."""
    inbound = store.one("SELECT COUNT(*) FROM messages WHERE channel_id LIKE 'wamid.flood.%'")
    answers = "SELECT COUNT(*) FROM messages WHERE author = 'automation:answer'"
    wait_until(lambda: store.one(answers) >= inbound, 60, "an answer to every message")
    twice = store.rows("SELECT reply_to, COUNT(*) FROM messages WHERE direction = 1 GROUP BY reply_to HAVING COUNT(*) > 1")
    check_equal(twice[:3], [], "messages answered twice")
    check_equal(store.one(answers), inbound, "answers")
    wait_until(lambda: store.one("SELECT (SELECT COUNT(*) FROM single_sends WHERE done = 0) + "
                                 "(SELECT COUNT(*) FROM sends WHERE state IN (1, 4))") == 0, 120, "the answers to leave", 0.3)
    world.sandbox.wait_idle(60)
    judge_inbox(store)
    found = by_phone(store.rows("SELECT phone, state FROM sends"))
    got = {phone: len([m for m in world.sandbox.messages(phone) if m["subject"] == "text"]) for phone in found}
    wrong = [(phone, n, found[phone]) for phone, n in got.items() if not found[phone][0] <= n <= sum(found[phone])]
    check_equal(wrong[:3], [], "phones with more or fewer answers than were sent (phone, got, [accepted, unknown])")
    accepted, unknown = (sum(f[i] for f in found.values()) for i in (0, 1))
    print(f"  {inbound} messages stored, {sum(got.values())} answers on the phones: {accepted} accepted, {unknown} unknown", flush=True)
    check(accepted > 0 and accepted + unknown == inbound, "answers that were neither accepted nor unknown")


def judge_webhooks(store, receiver, first_event, kills):
    def done():
        return store.one("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 0") == 0 and \
            store.one("SELECT COUNT(*) FROM webhook_deliveries") == expected
    expected = store.one("SELECT COUNT(*) FROM events WHERE kind = 'message.received' AND id > ?", first_event)
    wait_until(done, 90, "every webhook to be delivered", 0.3)
    event_of = dict(store.rows("SELECT webhook_id, event_id FROM webhook_deliveries"))
    check_equal(len(set(event_of.values())), len(event_of), "an event under two ids")
    taken = list(receiver.taken)
    check_equal([i for i, _ in taken if i not in event_of][:3], [], "webhooks of no delivery")
    told = {}
    for webhook_id, body in taken:
        told.setdefault(event_of[webhook_id], body["data"])
    log = {row[0] for row in store.rows("SELECT id FROM events WHERE kind = 'message.received' AND id > ?", first_event)}
    check_equal((len(log - set(told)), len(set(told) - log)), (0, 0), "events missing and too many at the receiver")
    last = {}
    for event, data in told.items():
        conversation = data["conversation_id"]
        check(last.get(conversation, 0) < event, f"conversation {conversation}: event {event} came after {last.get(conversation)}")
        last[conversation] = event
    repeated = len(taken) - len(told)
    check(repeated <= 16 * kills, f"{repeated} repeated webhooks after {kills} kills: 8 are under way, and 8 may wait for their commit")
    print(f"  {len(told)} events told, {repeated} of them again after a kill, under the same id", flush=True)


def options(parser):
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=250, help="messages a second")
    parser.add_argument("--between", type=float, nargs=2, default=(0.05, 0.9), metavar="SECONDS",
                        help="how long the flood goes on before the next kill")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(run_cases([flood_kill], arguments(__doc__, options)))
