"""A real mail server: OpenSMTPD (Debian's package opensmtpd) on loopback with a Maildir, and before it a front that does STARTTLS with a
throw-away certificate and the login: with OpenSSL 3 Debian 12's OpenSMTPD cannot use a private key itself.

It runs in mount and process namespaces of its own, so that neither its spool nor its control socket is the machine's. That needs
root; available() says why it cannot be had.
"""
import base64
import email
import email.policy
import glob
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading

from harness import check, free_port
from outside import wait_for_port

SMTPD = "/usr/sbin/smtpd"
USER, PASSWORD = "posthorn", "correct horse"
ADDRESSES = ("inbox@example.org", "second@example.org")


def available():
    """Empty, or the reason why no mail server can be started here."""
    if not os.path.exists(SMTPD):
        return f"{SMTPD} is not installed (Debian package opensmtpd)"
    if os.geteuid() != 0:
        return "OpenSMTPD is started by root only"
    done = subprocess.run(["unshare", "-mpf", "true"], capture_output=True)
    return "" if done.returncode == 0 else "namespaces are not allowed here"


def certificate(folder, name):
    paths = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    os.chmod(paths[1], 0o600)
    return paths


class Front:
    """Submission: nothing but STARTTLS before TLS, nothing but AUTH PLAIN before the login; all else is the mail server's word."""

    def __init__(self, chain, backend):
        self.backend, self.context = backend, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*chain)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.up, self.logins = self.listener.getsockname()[1], True, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            if self.up:
                with socket.create_connection(("127.0.0.1", self.backend), 10) as server:
                    client.settimeout(60)
                    self.talk(client, server.makefile("rb"), server)
        except (OSError, ValueError):
            pass
        finally:
            client.close()

    def talk(self, client, answers, server):
        lines, secure, login, said = client.makefile("rb"), False, False, []
        client.sendall(reply(answers))
        while line := lines.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                if not said:  # OpenSMTPD is greeted once only
                    server.sendall(line)
                    said = [one for one in reply(answers).splitlines(True) if b"STARTTLS" not in one and b"AUTH" not in one]
                client.sendall(b"".join(said[:1]).replace(b"250 ", b"250-") + (b"250-AUTH PLAIN\r\n" if secure else b"250-STARTTLS\r\n")
                               + b"".join(said[1:]))
            elif word == b"STARTTLS":
                client.sendall(b"220 go ahead\r\n")
                client = self.context.wrap_socket(client, server_side=True)
                lines, secure = client.makefile("rb"), True
            elif word == b"AUTH" and secure:
                if len(line.split()) < 3:
                    client.sendall(b"334 \r\n")
                    line = b"AUTH PLAIN " + lines.readline()
                self.logins.append(base64.b64decode(line.split()[2]).decode())
                login = self.logins[-1] == f"\0{USER}\0{PASSWORD}"
                client.sendall(b"235 welcome\r\n" if login else b"535 5.7.8 wrong name or password\r\n")
            elif word == b"QUIT" or login:
                server.sendall(line)
                answer = reply(answers)
                client.sendall(answer)
                while answer.startswith(b"354") and (line := lines.readline()):
                    server.sendall(line)
                    if line == b".\r\n":
                        client.sendall(reply(answers))
                        break
            else:
                client.sendall(b"530 5.7.0 TLS and login first\r\n")


def reply(answers):
    """The server's next answer, all lines of it."""
    out = b""
    while line := answers.readline():
        out += line
        if line[3:4] != b"-":
            return out
    raise OSError("the mail server went away")


class MailServer:
    """Takes mail for ADDRESSES after STARTTLS and login at `port`; every other address is refused for good."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "mail")
        os.makedirs(self.folder)
        os.chmod(folder, 0o755)
        os.chmod(self.folder, 0o755)
        self.backend, self.process = free_port(), None
        chain = certificate(self.folder, "mail.test")
        self.ca, self.other_ca = chain[0], certificate(self.folder, "other.test")[0]
        self.front = Front(chain, self.backend)
        self.mails = os.path.join(self.folder, "mails")
        os.makedirs(self.mails)
        shutil.chown(self.mails, "nobody")
        self.write("people", "".join(f"{a} nobody\n" for a in ADDRESSES))
        self.write("smtpd.conf", f'table people file:{self.folder}/people\nlisten on 127.0.0.1 port {self.backend}\n'
                   f'action keep maildir "{self.mails}/%{{rcpt.user}}" virtual <people>\n'
                   'match from any for domain "example.org" action keep\n')

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(os.path.join(self.folder, name), 0o640)

    def start(self):
        script = (f"mount -t tmpfs none /var/spool && mkdir -m 711 /var/spool/smtpd && mount -t tmpfs none /run && "
                  f"exec {SMTPD} -d -f {self.folder}/smtpd.conf")
        with open(os.path.join(self.folder, "smtpd.log"), "ab") as log:
            self.process = subprocess.Popen(["unshare", "-mpf", "--kill-child", "--mount-proc", "sh", "-c", script],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check(wait_for_port(self.backend), f"OpenSMTPD did not start:\n{self.log()[-1500:]}")
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self):
        with open(os.path.join(self.folder, "smtpd.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def settings(self):
        return {"mail.host": "127.0.0.1", "mail.port": self.front.port, "mail.security": "starttls", "mail.user": USER,
                "mail.password": PASSWORD, "mail.from": "posthorn@example.org", "mail.ca_file": self.ca, "mail.gather": "1s"}

    def received(self, address):
        """Mails to the address in the order of their arrival, parsed."""
        user = address.split("@")[0]
        out = []
        for path in glob.glob(os.path.join(self.mails, user, "new", "*")):
            with open(path, "rb") as file:
                out.append((os.stat(path).st_mtime_ns, path, email.message_from_binary_file(file, policy=email.policy.default)))
        return [mail for _, _, mail in sorted(out, key=lambda found: found[:2])]

    def told(self, address, pattern):
        """What the texts of its mails contain of a pattern, in order."""
        found = []
        for mail in self.received(address):
            found += re.findall(pattern, mail.get_body(("plain",)).get_content())
        return found

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        self.front.listener.close()
