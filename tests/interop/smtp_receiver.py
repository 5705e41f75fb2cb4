"""Notifications as a public SMTP server (aiosmtpd) and Python's own parser of mail take them: STARTTLS, login, MIME, headers, odd names."""
import email
import email.policy
import ssl
import subprocess
import sys
import tempfile
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from common import NUMBER, PHONE, check, check_equal, harness, wait_until

USER, PASSWORD = b"posthorn", "pass wörd \"quoted\"".encode()


class Keeper:
    """Keeps what it takes; `answers` has what to say instead of 250 to an address."""

    def __init__(self):
        self.mails, self.answers, self.logins = [], {}, []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address, options):
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        check(session.ssl is not None, "mail came without TLS")
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"

    def login(self, server, session, envelope, mechanism, data):
        self.logins.append((mechanism, data.login, data.password))
        return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)


class MailWorld:
    def __init__(self, arguments, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="posthorn-smtp-", dir=arguments.folder)
        pem, key = f"{self.folder.name}/mail.pem", f"{self.folder.name}/mail.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-out", pem, "-keyout", key], check=True, capture_output=True)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem, key)
        self.keeper, port = Keeper(), harness.free_port()
        self.controller = Controller(self.keeper, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True,
                                     auth_required=True, authenticator=self.keeper.login, enable_SMTPUTF8=True)
        self.controller.start()
        mail = {"mail.host": "127.0.0.1", "mail.port": port, "mail.user": USER.decode(), "mail.password": PASSWORD.decode(),
                "mail.from": "posthorn@example.org", "mail.from_name": "Lädchen \"Süd\"", "mail.ca_file": pem, "mail.gather": "1s", **settings}
        self.world = harness.World(arguments, settings=mail)

    def __enter__(self):
        self.server, self.sandbox = self.world.__enter__().server, self.world.sandbox
        return self

    def __exit__(self, *problem):
        self.world.__exit__(*problem)
        self.controller.stop()
        self.folder.cleanup()

    def write(self, text, phone=PHONE):
        self.sandbox.post(f"phones/{phone}/send?number={NUMBER}", {"type": "text", "text": text})


def notifications_are_read(arguments):
    with MailWorld(arguments) as mail:
        mail.server.call("update_notification_config", address="inbox@example.org", name="Jürgen <x>\r\nBcc: evil@example.org")
        texts = ["Grüße 🙂 aus Köln", "<script>alert(1)</script> & \"more\"", ".\r\n.\r\nQUIT", "x" * 3000]
        for text in texts:
            mail.write(text)
            time.sleep(0.05)
        plain = lambda: "\n".join(m.get_body(("plain",)).get_content() for _, m in mail.keeper.mails)  # noqa: E731
        wait_until(lambda: "x" * 100 in plain().replace("\n", ""), 20, "all messages to be told")
        for text in ("Grüße 🙂 aus Köln", "<script>alert(1)</script> & \"more\""):
            check_equal(plain().count(text), 1, f"times that {text!r} was told")
        for to, found in mail.keeper.mails:
            check_equal(to, ["inbox@example.org"], "envelope")
            check_equal([a.addr_spec for a in found["From"].addresses], ["posthorn@example.org"], "From")
            check_equal([a.addr_spec for a in found["To"].addresses], ["inbox@example.org"], "To")
            check_equal((found["Bcc"], found["Auto-Submitted"]), (None, "auto-generated"), "headers")
            check("Süd" in str(found["From"]) and found["Date"].datetime and found["Message-ID"], f"headers of {found.items()}")
            check_equal(list(found.defects), [], "defects")
            html = found.get_body(("html",))
            check(html is None or "<script>" not in html.get_content(), "a message is markup in the mail")
        check_equal(len({found["Message-ID"] for _, found in mail.keeper.mails}), len(mail.keeper.mails), "Message-IDs")
        check_equal({(m, u, p) for m, u, p in mail.keeper.logins} - {("PLAIN", USER, PASSWORD), ("LOGIN", USER, PASSWORD)}, set(), "logins")


def what_the_server_says_is_told(arguments):
    with MailWorld(arguments) as mail:
        mail.keeper.answers = {"full@example.org": "452 4.2.2 mailbox full", "gone@example.org": "550 5.1.1 no such user"}
        check("4.2.2 mailbox full" in mail.server.try_call("test_notification", address="full@example.org").error(), "a passing refusal")
        check("5.1.1 no such user" in mail.server.try_call("test_notification", address="gone@example.org").error(), "a final refusal")
        mail.server.call("test_notification", address="inbox@example.org")
        check_equal(len(mail.keeper.mails), 1, "mails taken")
    with MailWorld(arguments, **{"mail.password": "wrong"}) as mail:
        began = time.monotonic()
        said = mail.server.try_call("test_notification", address="inbox@example.org").error()
        check("535" in said, f"a wrong password: {said} after {time.monotonic() - began:.1f} s")
        check_equal(mail.keeper.mails, [], "mails taken")
    with MailWorld(arguments, **{"mail.security": "none", "mail.user": "", "mail.password": ""}) as mail:
        check("530" in mail.server.try_call("test_notification", address="inbox@example.org").error(), "a server that wants TLS")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [notifications_are_read, what_the_server_says_is_told]))
