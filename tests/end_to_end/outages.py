"""What is down comes back: the host of media, the mail server (a real OpenSMTPD), the receiver of webhooks. Nothing is lost, told twice
or told out of order.

  outages.py build/test/src/app/posthorn
"""
import re
import tempfile
import time

from arrivals import post, world_of_three
from harness import NUMBERS, WABA, check, check_equal, main, wait_until
from mail_server import ADDRESSES, USER, MailServer, available
from stored import Store

REFUSED = "gone@example.org"


def message(number, phone="4917033330000", kind="text", media=None):
    content = {"body": f"message {number:03}."} if kind == "text" else {"id": media, "mime_type": "image/jpeg", "caption": f"message {number:03}."}
    value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "1", "phone_number_id": NUMBERS["standard"]},
             "contacts": [{"profile": {"name": "Ada"}, "wa_id": phone}],
             "messages": [{"from": phone, "id": f"wamid.out.{number}", "timestamp": str(int(time.time())), "type": kind, kind: content}]}
    return {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [{"field": "messages", "value": value}]}]}


def send(server, meta, numbers):
    """Every third message is a picture; from three people in turn."""
    for n in numbers:
        media = str(770000 + n) if n % 3 == 0 else None
        if media:
            meta.media[media] = "image/jpeg"
        check_equal(post(server, message(n, f"491703333000{n % 3}", "image" if media else "text", media)), 200, f"message {n}")


class Mails:
    """What the mail side is asked for; does nothing where no mail server can be had."""

    def __init__(self, folder):
        why = available()
        self.server = None if why else MailServer(folder)
        if why:
            print(f"  without e-mail: {why}", flush=True)

    def settings(self):
        return self.server.settings() if self.server else {}

    def told(self, address):
        return [int(n) for n in self.server.told(address, r"message (\d+)\.")]


def everything_is_down_and_comes_back(parsed):
    """An outage of all three at once; a kill of the server in the middle of it."""
    with tempfile.TemporaryDirectory(prefix="posthorn-mail-", dir=parsed.folder) as folder:
        mails = Mails(folder)
        try:
            with world_of_three(parsed, settings=mails.settings()) as (world, meta, receiver):
                outage(world, meta, receiver, mails)
        finally:
            if mails.server:
                mails.server.stop()


def outage(world, meta, receiver, mails):
    server, store = world.server, Store(world.server)
    server.call("create_webhook_endpoint", url=receiver.url + "/hooks", kinds=["message.received"])
    for address in (*ADDRESSES, REFUSED):
        server.call("update_notification_config", address=address, settings={"attachments": "none"})
    meta.up, receiver.status = False, 503
    send(server, meta, range(1, 10))
    if mails.server:
        wait_until(lambda: store.one("SELECT COUNT(*) FROM notification_mails WHERE attempts > 0") >= 3, 20, "mails to fail")
        failed = time.monotonic()
    wait_until(lambda: store.one("SELECT MIN(attempts) FROM attachments") >= 1, 20, "fetches to fail")
    wait_until(lambda: store.one("SELECT COUNT(*) FROM webhook_attempts") >= 3, 20, "webhooks to fail")
    server.kill()
    server.start()
    send(server, meta, range(10, 19))
    time.sleep(2)
    check_equal(store.one("SELECT COUNT(*) FROM attachments WHERE state <> 0"), 0, "attachments had or given up during the outage")
    check_equal((store.one("SELECT COUNT(*) FROM webhook_deliveries WHERE state <> 0"), len(receiver.taken)), (0, 0), "webhooks")
    meta.up, receiver.status = True, 200
    if mails.server:
        mails.server.start()
    began = time.monotonic()
    wait_until(lambda: store.one("SELECT COUNT(*) FROM attachments WHERE state = 1") == 6, 60, "every attachment to be recovered", 0.2)
    recovered = time.monotonic() - began
    wait_until(lambda: len({i for i, _ in receiver.taken}) == 18, 90, "every webhook to be delivered", 0.2)
    judge_webhooks(store, receiver)
    print(f"  media recovered {recovered:.1f} s after the host was back, webhooks {time.monotonic() - began:.1f} s", flush=True)
    if mails.server:
        wait_until(lambda: all(len(mails.told(a)) >= 18 for a in ADDRESSES), 120, "all mails to arrive", 0.3)
        print(f"  mails arrived {time.monotonic() - failed:.1f} s after the first failure", flush=True)
        judge_mails(server, store, mails)


def judge_webhooks(store, receiver):
    event_of = dict(store.rows("SELECT webhook_id, event_id FROM webhook_deliveries"))
    check_equal(len(receiver.taken), 18, "webhooks taken")
    order = {}
    for webhook_id, body in receiver.taken:
        order.setdefault(body["data"]["conversation_id"], []).append(event_of[webhook_id])
    check_equal([o for o in order.values() if o != sorted(o)], [], "conversations whose webhooks came out of order")
    check_equal(len(order), 3, "conversations")


def judge_mails(server, store, mails):
    for address in ADDRESSES:
        check_equal(mails.told(address), list(range(1, 19)), f"what {address} was told")
        for mail in mails.server.received(address):
            check_equal((mail["From"].endswith("<posthorn@example.org>"), mail["To"].endswith(f"<{address}>") or mail["To"] == address),
                        (True, True), "sender and recipient")
    refused = next(r for r in server.call("get_notification_config")["recipients"] if r["address"] == REFUSED)
    check(refused["failures"] >= 1 and re.search(r"\b5\d\d ", refused["last_error"]), f"the refused address: {refused}")
    check_equal(set(mails.server.front.logins), {f"\0{USER}\0correct horse"}, "logins")


def certificates_are_checked(parsed):
    """STARTTLS with a certificate that nobody vouches for is refused, and no password is given to it."""
    if available():
        return print(f"  passed over: {available()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="posthorn-mail-", dir=parsed.folder) as folder, MailServer(folder).start() as mails:
        for ca, name in ((mails.other_ca, "another authority"), ("", "the system's authorities")):
            with world_of_three(parsed, accounts=False, settings={**mails.settings(), "mail.ca_file": ca}) as (world, _, _):
                answer = world.server.try_call("test_notification", address=ADDRESSES[0])
                check_equal(answer.status, 503, f"a mail server that {name} does not vouch for")
                check(re.search("certificate", answer.error(), re.I), f"the reason: {answer.error()}")
        check_equal((mails.front.logins, mails.received(ADDRESSES[0])), ([], []), "what the wrong server was given")
        with world_of_three(parsed, accounts=False, settings={**mails.settings(), "mail.password": "wrong"}) as (world, _, _):
            answer = world.server.try_call("test_notification", address=ADDRESSES[0])
            check(answer.status == 503 and "535" in answer.error(), f"a wrong password: {answer.status} {answer.error()}")
        with world_of_three(parsed, accounts=False, settings=mails.settings()) as (world, _, _):
            answer = world.server.try_call("test_notification", address=REFUSED)
            check(re.search(r"\b5\d\d ", answer.error()), f"a refused address: {answer.error()}")
            check_equal(world.server.call("test_notification", address=ADDRESSES[0])["sent_to"], ADDRESSES[0], "the right server")
            wait_until(lambda: mails.received(ADDRESSES[0]), 10, "the test mail")


if __name__ == "__main__":
    main(__doc__, [everything_is_down_and_comes_back, certificates_are_checked])
