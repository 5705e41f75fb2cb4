"""The product's own webhook endpoint with bodies that public clients sign and parse: taken, applied, nothing parked."""
import hashlib
import hmac
import json
import os
import subprocess
import sys

from pywa import utils

from common import APP_SECRET, NUMBER, PHONE, WABA, check, check_equal, harness, wait_until
from pywa_client import client


NEW_PHONE = "491709999999"
LAST_PHONE = "491701234599"  # of the body after all others


def envelope(field, value, time=None):
    entry = {"id": WABA, "changes": [{"value": value, "field": field}]}
    if time is not None:
        entry["time"] = time
    return {"object": "whatsapp_business_account", "entry": [entry]}


def conversation(**parts):
    return {"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550783882", "phone_number_id": NUMBER},
            "contacts": [{"profile": {"name": "Anna 👋"}, "wa_id": PHONE, "user_id": "DE.1349"}], **parts}


def message(kind, content, **more):
    return envelope("messages", conversation(messages=[{"from": PHONE, "from_user_id": "DE.1349", "id": f"wamid.{kind}", "timestamp": "1767225600",
                                                        "type": kind, kind: content, **more}]))


# The shapes of Meta's webhook reference that clients have a type for.
BODIES = {
    "text": message("text", {"body": "Grüße / \\ 👋"}),
    "image": message("image", {"id": "1", "mime_type": "image/jpeg", "sha256": "aa", "caption": "Look"}),
    "voice": message("audio", {"id": "1", "mime_type": "audio/ogg; codecs=opus", "sha256": "aa", "voice": True}),
    "document": message("document", {"id": "1", "mime_type": "application/pdf", "sha256": "aa", "filename": "a.pdf"}),
    "sticker": message("sticker", {"id": "1", "mime_type": "image/webp", "sha256": "aa", "animated": False}),
    "location": message("location", {"latitude": 1.5, "longitude": -2.5, "name": "Shop"}),
    "reaction": message("reaction", {"message_id": "wamid.x", "emoji": "👍"}),
    "reaction taken back": message("reaction", {"message_id": "wamid.x"}),
    "button": message("button", {"text": "Stop", "payload": "stop"}, context={"from": "15550783882", "id": "wamid.x"}),
    "button reply": message("interactive", {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}}),
    "list reply": message("interactive", {"type": "list_reply", "list_reply": {"id": "a", "title": "A", "description": "d"}}),
    "flow": message("interactive", {"type": "nfm_reply", "nfm_reply": {"response_json": "{\"a\":1}", "body": "Sent", "name": "flow"}}),
    "order": message("order", {"catalog_id": "1", "text": "", "product_items": [
        {"product_retailer_id": "a", "quantity": 1, "item_price": 1.5, "currency": "EUR"}]}),
    "contacts": envelope("messages", conversation(messages=[{"from": PHONE, "id": "wamid.c", "timestamp": "1767225600", "type": "contacts",
                                                             "contacts": [{"name": {"formatted_name": "B", "first_name": "B"}}]}])),
    "unsupported": envelope("messages", conversation(messages=[{
        "from": PHONE, "id": "wamid.u", "timestamp": "1767225600", "type": "unsupported",
        "errors": [{"code": 131051, "title": "Message type unknown", "message": "Message type unknown", "error_data": {"details": "d"}}]}])),
    "number changed": envelope("messages", {k: v for k, v in conversation(messages=[{
        "from": PHONE, "id": "wamid.s", "timestamp": "1767225600", "type": "system",
        "system": {"body": "changed", "wa_id": NEW_PHONE, "type": "user_changed_number"}}]).items() if k != "contacts"}),
    "preferences": envelope("user_preferences", conversation(user_preferences=[{
        "wa_id": PHONE, "user_id": "DE.1349", "detail": "stop", "category": "marketing_messages", "value": "stop", "timestamp": 1767225600}])),
    "signed up": envelope("user_preferences", conversation(user_preferences=[{
        "wa_id": "491701234588", "detail": "link", "category": "marketing_messages", "value": "signup", "signup_id": "1",
        "timestamp": 1767225600}])),
    "template status": envelope("message_template_status_update", {
        "event": "APPROVED", "message_template_id": 1689556908129832, "message_template_name": "order_update",
        "message_template_language": "en_US", "reason": "NONE", "message_template_category": "UTILITY"}, 1767225600),
    "template quality": envelope("message_template_quality_update", {
        "previous_quality_score": "GREEN", "new_quality_score": "YELLOW", "message_template_id": 1, "message_template_name": "order_update",
        "message_template_language": "en_US"}, 1767225600),
    "template category": envelope("template_category_update", {
        "message_template_id": 1, "message_template_name": "order_update", "message_template_language": "en_US",
        "previous_category": "UTILITY", "new_category": "MARKETING"}, 1767225600),
    "account": envelope("account_update", {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "ADULT"}}, 1767225600),
}


def signed_by_node(body):
    """The header, computed with Node's WebCrypto as the Node.js clients do."""
    script = ("const [secret, body] = process.argv.slice(1);"
              "const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), {name:'HMAC',hash:'SHA-256'}, false, ['sign']);"
              "console.log('sha256=' + Buffer.from(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(body))).toString('hex'))")
    done = subprocess.run([os.environ["POSTHORN_NODE"], "--input-type=module", "-e", script, APP_SECRET, body.decode()],
                          capture_output=True, text=True, check=True)
    return done.stdout.strip()


def post(server, raw, signature):
    return harness.request("POST", server.url + "/webhooks/whatsapp", raw,
                           {"Content-Type": "application/json", "X-Hub-Signature-256": signature}).status


def sign(raw):
    """A header that pywa's own check accepts."""
    signature = "sha256=" + hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    check(utils.webhook_updates_validator(APP_SECRET, raw, signature), "pywa does not accept the signature")
    return signature


def parked(server):
    return [(one["reason"], one) for one in server.call("list_parked_events", limit=200)["parked"]]


def every_shape_is_applied(arguments):
    with harness.World(arguments) as world:
        for name, body in BODIES.items():
            # As Meta writes it, every character above ASCII escaped, and as some test tools do, in UTF-8.
            for raw in (json.dumps(body).encode(), json.dumps(body, ensure_ascii=False, indent=1).encode()):
                check_equal(post(world.server, raw, sign(raw)), 200, name)
        check_equal(post(world.server, last := json.dumps(BODIES["preferences"]).replace(PHONE, LAST_PHONE).replace("DE.1349", "DE.1350").encode(), sign(last)), 200, "the last")
        wait_until(lambda: LAST_PHONE in json.dumps(world.server.call("list_suppressions")), 15, "the last body to be applied")
        # The one who stopped had changed the number before: the wish goes along.
        check(world.server.call("check_suppression", phone="+" + NEW_PHONE)["suppressed"], "the first preference was not applied")
        check_equal(parked(world.server), [], "parked events")
        stopped = [line for line in world.server.log() if line.get("level") in ("error", "critical")]
        check_equal(stopped, [], "errors in the log")


def signatures_of_clients_are_taken(arguments):
    with harness.World(arguments) as world:
        raw = json.dumps(BODIES["text"]).encode()
        check_equal(post(world.server, raw, signed_by_node(raw)), 200, "signed by Node")
        check_equal(signed_by_node(raw), sign(raw), "both signatures")
        check(post(world.server, raw + b" ", sign(raw)) in (401, 403), "a changed body was taken")
        check(post(world.server, raw, "sha256=" + "0" * 64) in (401, 403), "a wrong signature was taken")


def statuses_of_foreign_messages_wait(arguments):
    """Statuses of messages that another program sent with the same number wait for their message; nothing else is parked."""
    with harness.World(arguments) as world:
        wa = client(world.sandbox)
        world.sandbox.post(f"phones/{PHONE}/send?number={NUMBER}", {"type": "text", "text": "Hello"})
        wa.send_message(PHONE, "Hi")
        world.sandbox.wait_idle()
        wait_until(lambda: len(parked(world.server)) >= 2, 15, "sent and delivered to be parked")
        check_equal({reason for reason, _ in parked(world.server)}, {"unmatched"}, "why they are parked")



if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [every_shape_is_applied, signatures_of_clients_are_taken, statuses_of_foreign_messages_wait]))
