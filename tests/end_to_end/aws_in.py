#!/usr/bin/env python3
"""Messages that come by way of AWS: SNS over HTTP, SQS, and Meta itself at once, against the sandbox's Amazon.

One message by any number of ways is one message; what is forged, foreign or stale is refused; a killed server loses
nothing and stores nothing twice; files come through the bucket.
"""
import base64
import http.server
import json
import os
import threading
import time
import urllib.parse

from harness import CheckFailed, NUMBERS, TOKEN, WABA, World, check, check_equal, main, request, wait_until

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/whatsapp-events"
SANDBOX = {"aws": {"retry_pause_ms": 300, "retries": 40, "longest_wait_ms": 1000}}
NUMBER = NUMBERS["fast"]
REFUSED = ("forged", "foreign", "stale", "early", "oversize", "elsewhere", "version_1")


class Cloud(World):
    """A server that believes the sandbox's Amazon, and a number that is linked to it."""

    def __init__(self, parsed, queue=True):
        super().__init__(parsed, SANDBOX, accounts=(), start=False)
        self.info = self.sandbox.get("aws")
        ca = os.path.join(self.folder, "sns-ca.pem")
        with open(ca, "wb") as out:
            out.write(request("GET", self.sandbox.url + "/sandbox/aws/ca.pem").body)
        self.server.settings.update({
            "aws.region": self.info["region"], "aws.sns_topics": self.info["topics"], "aws.sns_ca_file": ca,
            "aws.access_key_id": self.info["access_key_id"], "aws.secret_access_key": self.info["secret_access_key"],
            "aws.media_bucket": self.info["bucket"], "aws.sqs_visibility": "10s"})
        if queue:
            self.server.settings["aws.sqs_queue_url"] = QUEUE
        for service in ("sns", "sqs", "s3", "social"):
            self.server.settings[f"aws.{service}_endpoint_url"] = self.sandbox.url
        self.server.write_config()
        self.server.start()
        linked = next(n["id"] for n in self.info["numbers"] if n["number"] == NUMBER)
        self.server.call("add_aws_number", name="linked", business_id=WABA, phone_number_id=NUMBER, aws_phone_number_id=linked)

    def subscribe_http(self):
        self.sandbox.post("aws/subscribe", {"endpoint": self.server.url + "/webhooks/aws/sns"})
        wait_until(lambda: any(s["confirmed"] and s["guarded"] for s in self.sandbox.get("aws")["subscriptions"]
                               if s["protocol"] == "https"), 10, "the signed confirmation of the subscription")

    def subscribe_queue(self):
        self.sandbox.post("aws/subscribe", {"protocol": "sqs"})

    def stats(self, part):
        return self.sandbox.get("aws/stats")[part]

    def say(self, i, text):
        """One person writes: to the number, by the way it goes."""
        self.sandbox.post(f"phones/{49_1511_000_0000 + i}/send?number={NUMBER}", {"type": "text", "text": text})

    def publish(self, text, **choices):
        """An event of this text, as somebody may publish it."""
        phone = "4915119999999"
        message = {"from": phone, "id": "wamid." + text.replace(" ", ""), "timestamp": str(int(time.time())), "type": "text",
                   "text": {"body": text}}
        value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550783882", "phone_number_id": NUMBER},
                 "contacts": [{"profile": {"name": "Somebody"}, "wa_id": phone}], "messages": [message]}
        self.sandbox.post("aws/publish", {"entry": {"id": WABA, "changes": [{"value": value, "field": "messages"}]}, **choices})

    def texts(self):
        """What is stored, sorted; every message once for each time it is stored."""
        out, before = [], 0
        while before is not None:
            page = self.server.call("get_messages", direction="in", before=before, limit=500)
            out += [m["text"] for m in page["messages"]]
            before = page["next"]
        return sorted(out)

    def wait_texts(self, wanted, seconds=20):
        try:
            wait_until(lambda: self.texts() == sorted(wanted), seconds, "every message once", 0.2)
        except CheckFailed as failed:
            found = self.texts()
            twice = {t for t in found if found.count(t) > 1}
            raise CheckFailed(f"{failed}: {len(found)} stored, missing {sorted(set(wanted) - set(found))[:5]}, "
                              f"twice {sorted(twice)[:5]}; {self.sandbox.get('aws/stats')}") from None


def one_message_by_three_ways(parsed):
    with Cloud(parsed) as w:
        w.subscribe_http()
        w.subscribe_queue()
        w.connect(())
        w.sandbox.post("aws/via", {"number": NUMBER, "via": "both"})
        w.sandbox.post("aws/chaos", {"sns": {"duplicate": 0.3, "reorder": 0.3, "reorder_by_ms": 500},
                                     "sqs": {"duplicate": 0.3, "delete_failure": 0.2}})
        wanted = [f"hello {i}" for i in range(40)]
        for i, text in enumerate(wanted):
            w.say(i % 10, text)
        w.wait_texts(wanted)
        w.sandbox.wait_idle(20)
        wait_until(lambda: w.stats("sns")["waiting"] == 0, 10, "SNS to be done")
        check(w.stats("sns")["acknowledged"] >= 40, f"not all came through SNS: {w.stats('sns')}")
        check(w.stats("sqs")["received"] >= 40, f"not all came through SQS: {w.stats('sqs')}")
        check(w.sandbox.summary()["webhooks"]["acknowledged"] >= 40, "not all came from Meta")
        check_equal(w.texts(), sorted(wanted), "messages after the last delivery")
        inbox = w.server.call("get_conversations")["conversations"]
        check_equal(sorted(c["unread"] for c in inbox), [4] * 10, "unread messages of each conversation")
        check_equal(w.stats("sns")["links_followed"], 0, "addresses in messages that were fetched")
        check_equal(sum(w.stats("refused_signatures").values()), 0, "calls to Amazon that were signed wrongly")


def refused(parsed):
    with Cloud(parsed) as w:
        w.subscribe_http()
        w.subscribe_queue()
        for form in REFUSED:
            w.publish(f"evil {form}", **{"as": form, "to": "http"})
        w.publish("evil queue", **{"as": "foreign", "to": "queue"})
        w.publish("good")
        w.wait_texts(["good"])
        wait_until(lambda: w.stats("sns")["waiting"] == 0, 10, "SNS to be done")
        forms = w.stats("sns")["forms"]
        for form in REFUSED:
            check_equal(forms[form]["accepted"], 0, form)
            # A body that is refused while it is still being sent may end in a reset instead of an answer.
            if form != "oversize":
                check_equal(forms[form]["refused"], 1, form)
        check_equal(forms["genuine"]["accepted"], 2, "genuine messages accepted")  # the confirmation, and "good"
        wait_until(lambda: w.stats("sqs")["messages"] == 1 and w.stats("sqs")["visible"] == 0, 10,
                   "the foreign message to be left hidden in the queue")
        check_equal(w.texts(), ["good"], "what is stored")
        check(any("sqs.refused" in str(e) for e in w.server.log()), "sqs.refused is not in the log")
        w.sandbox.post("aws/unsubscribe", {"endpoint": w.server.url + "/webhooks/aws/sns"})
        wait_until(lambda: any("sns.unsubscribed" in str(e) for e in w.server.log()), 10, "sns.unsubscribed in the log")
        wait_until(lambda: w.server.call("list_events", after=0, kinds=["webhook.unsubscribed"])["events"], 10,
                   "the event of the subscription's end")


class Eavesdropper:
    """Another subscriber of the same topic: it has every message as SNS signed it, to twist and to send on."""

    def __init__(self, cloud):
        eavesdropper, self.bodies = self, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                eavesdropper.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        cloud.sandbox.post("aws/subscribe", {"endpoint": f"http://127.0.0.1:{self.server.server_port}/"})
        wait_until(lambda: self.bodies, 10, "the eavesdropper's SubscriptionConfirmation")
        request("GET", self.bodies[0]["SubscribeURL"])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def twists(genuine, confirmation):
    """What is made of a genuine message: name, body, whether it must be refused."""
    def changed(**members):
        return json.dumps({**genuine, **members})

    url = genuine["SigningCertURL"]
    host = urllib.parse.urlsplit(url).netloc
    text = json.dumps(genuine)
    evil = json.dumps(json.loads(genuine["Message"]) | {"aws_account_id": "666"})
    yield from ((f"certificate {name}", changed(SigningCertURL=address), True) for name, address in (
        ("with a user", url.replace("//", "//x@")), ("at a host that begins so", url.replace(host, host + ".example.com")),
        ("of another scheme", url.replace("http:", "ftp:")), ("above", url.replace("/Simple", "/../Simple")),
        ("with a query", url + "?x.pem"), ("with a fragment", url + "#.pem"), ("of no name", ""), ("of another port", url.replace(host, "127.0.0.1:1")),
        ("of another Region", "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem"),
        ("in a file", "file:///etc/ssl/cert.pem"), ("of another path", url.replace(".pem", "0.pem"))))
    yield "another message", changed(Message=evil), True
    yield "another message said twice", text[:-1] + ',"Message":' + json.dumps(evil) + "}", True
    yield "another topic said first", '{"TopicArn":"arn:aws:sns:eu-central-1:666:x",' + text[1:], True
    yield "another topic said last", text[:-1] + ',"TopicArn":"arn:aws:sns:eu-central-1:666:x"}', True
    yield "the topic with a line more", changed(TopicArn=genuine["TopicArn"] + "\n"), True
    yield "the topic in capitals", changed(TopicArn=genuine["TopicArn"].upper()), True
    yield "another id", changed(MessageId="00000000-0000-4000-8000-000000000000"), True
    yield "a time of now", changed(Timestamp=time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 1))), True
    yield "a subject", changed(Subject="x"), True
    yield "the other version", changed(SignatureVersion="1"), True
    yield "a version that is none", changed(SignatureVersion="3"), True
    yield "a version that is a number", changed(SignatureVersion=2), True
    yield "no signature", changed(Signature=""), True
    yield "another's signature", changed(Signature=confirmation["Signature"]), True
    yield "a signature with a byte more", changed(Signature=base64.b64encode(base64.b64decode(genuine["Signature"]) + b"x").decode()), True
    yield "another type", changed(Type="UnsubscribeConfirmation", Token="x", SubscribeURL="https://x"), True
    yield "a confirmation of somebody else's token", json.dumps({**confirmation, "Token": "x"}), True
    yield "a confirmation as a message", json.dumps({**confirmation, "Type": "Notification"}), True
    yield "the bare message", genuine["Message"], True
    yield "an array", "[" + text + "]", True
    yield "half of it", text[:len(text) // 2], True
    yield "attributes that nobody signed", changed(MessageAttributes={"a": {"Type": "String", "Value": "b"}}), False
    yield "itself", text, False
    yield "itself with other blanks", json.dumps(genuine, indent=3), False


def captured_and_twisted(parsed):
    """Genuine messages in the hands of somebody who twists them, sends them again, and lies in the headers."""
    with Cloud(parsed) as w:
        w.subscribe_http()
        spy = Eavesdropper(w)
        try:
            w.publish("once")
            w.wait_texts(["once"])
            wait_until(lambda: len(spy.bodies) == 2, 10, "the eavesdropper to have it")
            confirmation, genuine = spy.bodies
            w.server.kill()
            w.server.start()  # what was remembered is gone
            address = w.server.url + "/webhooks/aws/sns"
            lies = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification",
                    "x-amz-sns-topic-arn": genuine["TopicArn"], "x-amz-sns-rawdelivery": "true",
                    "x-amz-sns-message-id": "00000000-0000-4000-8000-000000000001"}
            for name, body, must_fail in twists(genuine, confirmation):
                status = request("POST", address, body.encode(), lies).status
                check((status in (400, 403, 503)) if must_fail else status == 200, f"{name}: {status}")
            for name in ("itself", "and again"):
                check_equal(request("POST", address, json.dumps(genuine).encode(), lies).status, 200, name)
            w.publish("the next")
            w.wait_texts(["once", "the next"])
            inbox = w.server.call("get_conversations")["conversations"]
            check_equal([c["unread"] for c in inbox], [2], "unread messages")
            check_equal(w.stats("sns")["links_followed"], 1, "addresses that were fetched: the eavesdropper's own")
        finally:
            spy.close()


def take_in_and_kill(w, turns):
    """Messages while the server runs, is killed, is dead and comes back: what was sent."""
    w.sandbox.post("aws/via", {"number": NUMBER, "via": "aws"})
    sent = []

    def flood(name, count):
        for i in range(count):
            sent.append(f"{name} {i}")
            w.say(i % 7, sent[-1])

    for turn in range(turns):
        flood(f"before {turn}", 60)
        time.sleep(0.02 + 0.03 * turn)
        w.server.kill()
        flood(f"while dead {turn}", 20)
        w.server.start()
    return sent


def killed_while_polling(parsed):
    with Cloud(parsed) as w:
        w.subscribe_queue()
        sent = take_in_and_kill(w, 3)
        w.wait_texts(sent, 30)
        wait_until(lambda: w.stats("sqs")["messages"] == 0, 20, "everything to be deleted", 0.1)
        check(w.stats("sqs")["redelivered"] > 0, f"no kill met a message under way: {w.stats('sqs')}")
        check_equal(w.texts(), sorted(sent), "messages at the end")


def killed_behind_https(parsed):
    with Cloud(parsed, queue=False) as w:
        w.subscribe_http()
        sent = take_in_and_kill(w, 3)
        w.wait_texts(sent, 20)
        wait_until(lambda: w.stats("sns")["waiting"] == 0, 20, "SNS to be done", 0.1)
        sns = w.stats("sns")
        check(sns["retried"] > 0, f"no kill met a delivery: {sns}")
        check_equal((sns["given_up"], sns["refused"]), (0, 0), "messages that SNS dropped")
        check_equal(w.texts(), sorted(sent), "messages at the end")


def files_through_the_bucket(parsed):
    with Cloud(parsed) as w:
        w.subscribe_queue()
        w.sandbox.post("aws/via", {"number": NUMBER, "via": "aws"})
        w.sandbox.post(f"phones/4915110000001/send?number={NUMBER}", {"type": "image"})

        def attachment():
            messages = w.server.call("get_messages", direction="in")["messages"]
            files = [a for m in messages for a in m["attachments"]]
            return files[0] if files and files[0]["state"] == "stored" else None

        found = wait_until(attachment, 20, "the picture to be stored")
        check(found["mime_type"].startswith("image/"), f"type {found['mime_type']}")
        check_equal(w.server.get(found["url"]).status, 200, "fetching it")
        check_equal(w.stats("social")["media"], 1, "calls of GetWhatsAppMessageMedia")
        wait_until(lambda: w.stats("bucket") == [], 10, "the bucket to be emptied")


def a_template_by_aws(parsed):
    """What the number sends goes by Amazon, too, and its statuses come back through the queue."""
    with Cloud(parsed) as w:
        w.subscribe_queue()
        w.sandbox.post("aws/via", {"via": "aws"})
        w.server.call("add_channel", name="direct", business_id=WABA, phone_number_id=NUMBERS["standard"], token=TOKEN)
        sent = w.server.call("send_template", account="linked", to="+4915112345678", template_name="order_update",
                             body_params=["A-1001"])

        def outcome():
            return w.server.call("get_send", send_id=sent["send_id"])

        try:
            wait_until(lambda: outcome()["delivery"] in ("delivered", "read"), 15, "the message to be delivered", 0.2)
        except CheckFailed as failed:
            raise CheckFailed(f"{failed}: {outcome()}, {w.sandbox.get('aws/stats')}") from None
        check_equal(w.stats("social")["sends"], 1, "calls of SendWhatsAppMessage")
        check_equal(len(w.sandbox.messages(4915112345678)), 1, "messages on the phone")


if __name__ == "__main__":
    main(__doc__, [one_message_by_three_ways, refused, captured_and_twisted, killed_while_polling, killed_behind_https, files_through_the_bucket,
                   a_template_by_aws])
