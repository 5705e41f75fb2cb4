"""pywa (MIT) as the receiver of the sandbox's webhooks: signature, verification and every kind of update."""
import logging
import sys
import urllib.parse

from pywa import errors, handlers, types
from pywa.types import templates as t

from common import NUMBER, ONE_BY_ONE, PHONE, VERIFY_TOKEN, WABA, Receiver, SandboxWorld, check, check_equal, harness, wait_until, \
    write_first
from pywa_client import ENGLISH, client

HANDLERS = (handlers.MessageHandler, handlers.MessageStatusHandler, handlers.CallbackButtonHandler, handlers.CallbackSelectionHandler,
            handlers.TemplateStatusUpdateHandler, handlers.TemplateCategoryUpdateHandler, handlers.TemplateQualityUpdateHandler,
            handlers.UserMarketingPreferencesHandler, handlers.AccountUpdateHandler)


class Complaints(logging.Handler):
    """What pywa logs when it cannot parse an update."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


class Listener:
    """A sandbox whose webhooks go through pywa's signature check and parser."""

    def __init__(self, arguments, config=None):
        self.world = SandboxWorld(arguments, config)
        self.updates = []
        self.refusals = []
        self.complaints = Complaints()

    def __enter__(self):
        self.sandbox = self.world.__enter__()
        self.wa = client(self.sandbox)
        self.wa.add_handlers(*(kind(lambda _, update: self.updates.append(update)) for kind in HANDLERS))
        logging.getLogger("pywa").addHandler(self.complaints)
        self.receiver = Receiver(self.challenge, self.update)
        self.sandbox.post("callback", {"url": self.receiver.url, "verify_token": VERIFY_TOKEN})
        return self

    def __exit__(self, kind, value, trace):
        logging.getLogger("pywa").removeHandler(self.complaints)
        self.world.__exit__(kind, value, trace)
        self.receiver.__exit__(kind, value, trace)

    def challenge(self, path):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        return self.wa.webhook_challenge_handler(query["hub.verify_token"][0], query["hub.challenge"][0])

    def update(self, body, signature):
        bad = self.wa.webhook_update_validator(body, signature)
        if bad is not None:
            self.refusals.append(bad)
            return bad
        return self.wa.webhook_update_handler(body)

    def settle(self, count):
        """Waits for so many updates; nothing was refused and nothing misunderstood."""
        wait_until(lambda: len(self.updates) >= count or self.complaints.lines or self.refusals, 15, f"{count} updates")
        self.sandbox.wait_idle()
        check_equal((self.complaints.lines, self.refusals), ([], []), "complaints and refusals of the client")
        check_equal(len(self.updates), count, f"updates: {[type(u).__name__ for u in self.updates]}")
        return self.updates


def statuses_of_a_message(arguments):
    with Listener(arguments) as here:
        sent = here.wa.send_template(PHONE, "spring_sale", ENGLISH, [
            t.HeaderText.params("Sale"), t.BodyText.params("Anna", "May", "X", "5%")], tracker="Grüße/1")
        found = here.settle(3)
        check_equal(sorted(u.status.value for u in found), ["delivered", "read", "sent"], "statuses")
        for one in found:
            check_equal((one.id, one.tracker, one.waba_id, one.metadata.phone_number_id, one.from_user.wa_id, one.error),
                        (sent.id, "Grüße/1", WABA, NUMBER, PHONE, None), one.status.value)
            check(one.from_user.bsuid, "no business-scoped user id")
        priced = next(u for u in found if u.status.value == "sent").pricing
        check_equal((priced.billable, priced.model.value, priced.category.value, priced.type.value),
                    (True, "PMP", "marketing", "regular"), "pricing")


def failures_carry_their_error(arguments):
    known = {131026: errors.MessageUndeliverable, 131049: errors.MessageUndeliverableDueToHealthyEcosystemEngagement,
             131050: errors.UserStoppedMarketingMessages, 130472: errors.UserIsInExperimentGroup, 131042: errors.BusinessPaymentIssue}
    with Listener(arguments) as here:
        for code in known:
            here.wa.send_template(f"+490000{code}", "order_update", ENGLISH, [t.BodyText.params("A-1")], tracker=str(code))
        found = here.settle(len(known))
        check_equal({(u.status.value, int(u.tracker), type(u.error), u.error.code) for u in found},
                    {("failed", code, kind, code) for code, kind in known.items()}, "failures")
        check(all(u.error.details and u.error.href for u in found), "an error without details or link")
        check_equal({u.from_user.wa_id for u in found}, {f"490000{code}" for code in known}, "recipients")


def what_customers_write(arguments):
    with Listener(arguments) as here:
        write_first(here.sandbox, text="Grüß Gott 👋 \\ \"/\" \u2028 end")
        send = lambda body: here.sandbox.post(f"phones/{PHONE}/send?number={NUMBER}", body)  # noqa: E731
        sent = here.wa.send_message(PHONE, "Which?", buttons=[types.Button(title="Red", callback_data="red")])
        here.settle(4)
        send({"type": "interactive", "context": {"from": "15550783882", "id": sent.id},
              "interactive": {"type": "button_reply", "button_reply": {"id": "red", "title": "Red"}}})
        send({"type": "button", "context": {"from": "15550783882", "id": sent.id},
              "button": {"text": "Stop promos", "payload": "stop-promos"}})
        send({"type": "interactive", "context": {"from": "15550783882", "id": sent.id},
              "interactive": {"type": "list_reply", "list_reply": {"id": "boots", "title": "Boots", "description": "warm"}}})
        send({"type": "image", "image": {"id": "1", "mime_type": "image/jpeg", "sha256": "aa", "caption": "Look"}})
        send({"type": "location", "location": {"latitude": 1.5, "longitude": 2.5}})
        found = here.settle(9)
        text = next(u for u in found if isinstance(u, types.Message) and u.text)
        check_equal((text.text, text.from_user.wa_id), ("Grüß Gott 👋 \\ \"/\" \u2028 end", PHONE), "text")
        check(text.from_user.name and text.from_user.bsuid, "a customer without name or id")
        buttons = [u for u in found if isinstance(u, types.CallbackButton)]
        check_equal({(b.data, b.title, b.is_quick_reply) for b in buttons},
                    {("red", "Red", False), ("stop-promos", "Stop promos", True)}, "buttons")
        check_equal({b.reply_to_message.id for b in buttons}, {sent.id}, "what the buttons belong to")
        check_equal([u.data for u in found if isinstance(u, types.CallbackSelection)], ["boots"], "selection")
        check_equal([u.image.mime_type for u in found if isinstance(u, types.Message) and u.image], ["image/jpeg"], "image")
        check_equal(sum(1 for u in found if isinstance(u, types.Message) and u.location), 1, "location")


def preferences(arguments):
    with Listener(arguments) as here:
        write_first(here.sandbox)
        here.wa.send_message(PHONE, "Hi")
        here.settle(4)
        here.sandbox.post(f"phones/{PHONE}/preference", {"value": "stop"})
        here.settle(5)
        here.sandbox.post(f"phones/{PHONE}/preference", {"value": "resume"})
        found = here.settle(6)[4:]
        check_equal([(u.value.value, u.category.value, u.from_user.wa_id) for u in found],
                    [("stop", "marketing_messages", PHONE), ("resume", "marketing_messages", PHONE)], "preferences")


def templates_and_account(arguments):
    with Listener(arguments) as here:
        change = lambda body: here.sandbox.post("templates/order_update/en_US", body)  # noqa: E731
        change({"status": "PAUSED"})
        change({"status": "REJECTED", "reason": "INCORRECT_CATEGORY"})
        change({"quality": "RED"})
        change({"category": "MARKETING"})
        here.sandbox.post("account", {"restricted": True})
        here.sandbox.post("account", {"restricted": False})
        found = here.settle(6)
        states = [u for u in found if isinstance(u, types.TemplateStatusUpdate)]
        check_equal({(u.template_name, u.new_status.value) for u in states}, {("order_update", "PAUSED"), ("order_update", "REJECTED")},
                    "states")
        check_equal([u.reason.value for u in states if u.new_status.value == "REJECTED"], ["INCORRECT_CATEGORY"], "reason")
        quality = next(u for u in found if isinstance(u, types.TemplateQualityUpdate))
        check_equal(quality.new_quality_score.value, "RED", "quality")
        category = next(u for u in found if isinstance(u, types.TemplateCategoryUpdate))
        check_equal((category.previous_category.value, category.new_category.value), ("UTILITY", "MARKETING"), "category")
        account = [u for u in found if isinstance(u, types.AccountUpdate)]
        check_equal({u.event.value for u in account}, {"ACCOUNT_RESTRICTION", "DISABLED_UPDATE"}, "account")
        check(all(u.timestamp.year >= 2024 for u in found), "times")


def batches_are_one_valid_body(arguments):
    """Many updates in one signed body: still verified, and its first update still parsed."""
    with Listener(arguments, {**ONE_BY_ONE, "webhooks": {"batch_max": 100, "linger_ms": 200}}) as here:
        for i in range(20):
            here.wa.send_template(str(int(PHONE) + i), "order_update", ENGLISH, [t.BodyText.params("A-1")])
        here.sandbox.post("templates/hello_world/en_US", {"status": "PAUSED"})
        here.sandbox.wait_idle()
        check_equal((here.complaints.lines, here.refusals), ([], []), "complaints and refusals of the client")
        check(here.updates, "nothing was parsed")
        check(len(here.receiver.bodies) < 40, f"{len(here.receiver.bodies)} bodies: not batched")


def signatures_are_told_apart(arguments):
    with Listener(arguments) as here:
        write_first(here.sandbox)
        here.settle(1)
        body, signature = here.receiver.bodies[0]
        check(here.wa.webhook_update_validator(body, signature) is None, "the true body was refused")
        check_equal(here.wa.webhook_update_validator(body + b" ", signature)[1], 403, "a changed body")
        check_equal(here.wa.webhook_update_validator(body, signature[:-1] + "x")[1], 403, "a changed signature")
        check_equal(here.wa.webhook_update_validator(body, None)[1], 401, "no signature")


def subscribing_through_the_client(arguments):
    with Listener(arguments) as here:
        here.sandbox.post("reset")
        check(bool(here.wa.override_waba_callback_url(here.receiver.url, VERIFY_TOKEN)), "override of the account's address")
        write_first(here.sandbox)
        here.settle(1)
        wrong = "not-" + VERIFY_TOKEN
        try:
            here.wa.override_waba_callback_url(here.receiver.url, wrong)
        except errors.WhatsAppError as error:
            check_equal((error.code, error.subcode), (100, 2200), "code and subcode")
        else:
            raise harness.CheckFailed("an address that does not know the verify token was taken")



if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [statuses_of_a_message, failures_carry_their_error, what_customers_write, preferences,
                                    templates_and_account, batches_are_one_valid_body, signatures_are_told_apart,
                                    subscribing_through_the_client]))
