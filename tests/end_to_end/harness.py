"""What every end-to-end test needs: the product and the sandbox as separate processes, their interfaces, and checks.

Standard library only. Everything binds to 127.0.0.1, lives in a folder of its own and is ended by process id.
"""
import argparse
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

WABA = "102290129340398"
TOKEN = "EAAJSandboxToken" + "0" * 49
APP_SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00"
VERIFY_TOKEN = "posthorn-sandbox-verify"
NUMBERS = {"standard": "106540352242922", "fast": "106540352242923", "slow": "106540352242924"}  # 80/s, 1,000/s, 20/s
TERMINAL = ("completed", "cancelled", "failed")
SETTLED = ("accepted", "rejected", "unknown_final", "suppressed", "cancelled", "expired")

# Phones that answer at once and never write back, so that a run ends soon and its numbers are exact.
QUICK_PHONES = {
    "receive": 1.0, "not_on_whatsapp": 0, "not_chosen": 0, "blocked": 0, "read": 0.5, "reply": 0, "reply_stop": 0, "opt_out": 0,
    "sent_delay_min_ms": 5, "sent_delay_max_ms": 60, "delivered_delay_min_ms": 20, "delivered_delay_max_ms": 200,
    "read_delay_min_ms": 20, "read_delay_max_ms": 300,
}
QUICK_SANDBOX = {
    "phones": QUICK_PHONES,
    "webhooks": {"retry_first_ms": 100, "retry_max_ms": 500},
    "limits": {"portfolio_daily_users": 0, "management_calls_per_hour": 1000000},
}


class CheckFailed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise CheckFailed(text)


def check_equal(found, wanted, what):
    check(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def wait_until(predicate, seconds, what, interval=0.05):
    """The first true value of predicate(); fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise CheckFailed(f"waited {seconds} s in vain for {what}")
        time.sleep(interval)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    """An HTTP answer, whatever its status."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise CheckFailed(f"not JSON ({self.status}): {self.body[:300]!r}") from None

    def error(self):
        """The error's message, field and code as one text: what a person would see."""
        inner = self.json().get("error", {})
        return f"{inner.get('code', '')} [{inner.get('field', '')}] {inner.get('message', '')}"


def request(method, url, body=None, headers=None, timeout=60):
    """One request on a connection of its own. An answer that comes before the request has left counts as well."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, target, body, headers or {})
        reply = connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())
    finally:
        connection.close()


class ActionRefused(CheckFailed):
    def __init__(self, name, answer):
        super().__init__(f"{name} was refused with {answer.status}: {answer.body[:400].decode('utf-8', 'replace')}")
        self.answer = answer


class Process:
    """A child with its output in a file."""

    def __init__(self, argv, log_path, env=None, **options):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                          env=env, **options)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def kill(self):
        if self.alive():
            self.child.send_signal(signal.SIGKILL)
        return self.child.wait()

    def stop(self, seconds=30):
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise CheckFailed(f"process {self.pid} did not end within {seconds} s of SIGTERM") from None

    def output(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")


class Sandbox:
    def __init__(self, binary, folder, config=None, port=0):
        merged = {key: dict(value) if isinstance(value, dict) else value for key, value in QUICK_SANDBOX.items()}
        for key, value in (config or {}).items():
            if isinstance(value, dict):
                merged.setdefault(key, {}).update(value)
            else:
                merged[key] = value
        path = os.path.join(folder, "sandbox.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(merged, out)
        self.process = Process([binary, "sandbox", "--port", str(port), "--config", path], os.path.join(folder, "sandbox.log"))
        self.url = wait_until(self._announced, 20, "the sandbox to announce its address", 0.01)

    def _announced(self):
        check(self.process.alive(), f"the sandbox ended: {self.process.output()}")
        words = self.process.output().split()
        return next((w for w in words if w.startswith("http://")), None)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        answer = request(method, self.url + "/sandbox/" + path, data, {"Content-Type": "application/json"})
        check(answer.status == 200, f"sandbox {method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer.json()

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body or {})

    def summary(self):
        """The ledger; tokens agree in account, campaign and row when their first four fields do."""
        return self.get("ledger/summary?token_fields=4")

    def pace(self, number):
        return next(n for n in self.get("pace")["numbers"] if n["number"] == number)

    def messages(self, phone):
        return self.get(f"ledger/phone/{phone}")["messages"]

    def wait_idle(self, seconds=60):
        wait_until(lambda: self.get("health")["idle"], seconds, "the sandbox to have delivered everything")

    def stop(self):
        self.process.kill()


class Server:
    """posthorn serve in a data folder; it can be killed and started again at the same address."""

    def __init__(self, binary, folder, graph_url, settings=None, name="server", env=None):
        self.binary, self.folder = binary, folder
        self.data = os.path.join(folder, name + "-data")
        self.log_path = os.path.join(folder, name + ".log")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = env
        self.process = None
        self.config = os.path.join(folder, name + ".toml")
        self.settings = {"data_dir": self.data, "http.port": self.port, "log.format": "json", "graph.base_url": graph_url,
                         "whatsapp.app_secret": APP_SECRET, "whatsapp.verify_token": VERIFY_TOKEN,
                         "sending.unknown_hold": "5s"}
        self.settings.update(settings or {})
        self.write_config()

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as out:
            for key, value in sorted(self.settings.items(), key=lambda item: "." in item[0]):
                out.write(f"{key} = {json.dumps(value)}\n")

    def argv(self):
        return [self.binary, "serve", "--config", self.config]

    def launch(self, **options):
        """Starts it without waiting."""
        self.process = Process(self.argv(), self.log_path, self.env, **options)

    def start(self, seconds=30, **options):
        """Starts it; the seconds until /readyz said yes."""
        began = time.monotonic()
        self.launch(**options)
        wait_until(self.ready, seconds, "/readyz", 0.005)
        return time.monotonic() - began

    def ready(self):
        check(self.process.alive(), f"the server ended by itself with {self.process.child.poll()}:\n{self.process.output()[-3000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return request("GET", self.url + "/readyz", timeout=5).status == 200
        return False

    def kill(self):
        self.process.kill()

    def stop(self, seconds=30):
        return self.process.stop(seconds)

    def log(self):
        """Its log lines as objects, over all starts."""
        out = []
        with open(self.log_path, "rb") as log:
            for line in log:
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if isinstance(entry, dict):
                        out.append(entry)
        return out

    def key(self):
        with open(os.path.join(self.data, "cli.key"), encoding="utf-8") as f:
            return f.readline().strip()

    def headers(self, key=None, **more):
        return {"Authorization": "Bearer " + (key or self.key()), **more}

    def try_call(self, action, key=None, timeout=600, **parameters):
        return request("POST", f"{self.url}/api/actions/{action}", json.dumps(parameters).encode(),
                       self.headers(key, **{"Content-Type": "application/json"}), timeout)

    def call(self, action, key=None, **parameters):
        answer = self.try_call(action, key, **parameters)
        if answer.status != 200:
            raise ActionRefused(action, answer)
        return answer.json()

    def get(self, path, key=None, timeout=600):
        return request("GET", self.url + path, None, self.headers(key), timeout)

    def try_upload(self, body, name="recipients.csv", length=None, key=None, timeout=900):
        """Uploads bytes, or pieces from an iterator with `length` announced (None: chunked)."""
        headers = self.headers(key, **{"Content-Type": "text/csv"})
        if length is not None:
            headers["Content-Length"] = str(length)
        return request("POST", f"{self.url}/api/uploads?name={urllib.parse.quote(name)}", body, headers, timeout)

    def upload(self, body, **options):
        answer = self.try_upload(body, **options)
        check(answer.status == 201, f"upload: {answer.status} {answer.body[:300]!r}")
        return answer.json()["id"]

    def webhook(self, body, secret=APP_SECRET, headers=None, timeout=30):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        return request("POST", self.url + "/webhooks/whatsapp", raw,
                       {"Content-Type": "application/json", "X-Hub-Signature-256": signature, **(headers or {})}, timeout)

    def cli(self, *words, env=None, timeout=300, stdin=b""):
        """posthorn WORDS against this server: exit code, standard output and error."""
        variables = {**os.environ, "POSTHORN_DATA_DIR": self.data, **(env or {})}
        done = subprocess.run([self.binary, *map(str, words)], input=stdin, capture_output=True, env=variables, timeout=timeout)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def metrics(self):
        out = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                out[name] = float(value)
        return out

    def memory(self, field="VmRSS"):
        """Bytes of resident memory now (VmRSS) or at most since forget_peak() (VmHWM)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise CheckFailed(f"no {field} in /proc")

    def forget_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")


class World:
    """A sandbox, a server that knows its numbers, and a folder that goes with them."""

    def __init__(self, arguments, sandbox=None, settings=None, accounts=("fast",), start=True):
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="posthorn-e2e-", dir=arguments.folder)
        self.sandbox = Sandbox(arguments.binary, self.folder, sandbox)
        self.server = Server(arguments.binary, self.folder, self.sandbox.url, settings)
        if start:
            self.server.start()
            self.connect(accounts)

    def connect(self, accounts):
        self.sandbox.post("callback", {"url": self.server.url + "/webhooks/whatsapp", "verify_token": VERIFY_TOKEN})
        for name in accounts:
            self.server.call("add_channel", name=name, business_id=WABA, phone_number_id=NUMBERS[name], token=TOKEN)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.server.process is not None:
            self.server.kill()
        self.sandbox.stop()
        if kind is None and not self.arguments.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif kind is not None:
            print(f"     folder kept: {self.folder}", flush=True)

    # Broadcasts.

    def draft(self, upload, account="fast", template="order_update", **choices):
        return self.server.call("create_broadcast", name=choices.pop("name", "end to end"), account=account, upload_id=upload,
                                template_name=template, **choices)["id"]

    def ready_broadcast(self, recipients, first=0, account="fast", **choices):
        """Uploaded, drafted and checked: its id."""
        choices.setdefault("template", SAMPLE_TEMPLATE)
        choices.setdefault("mapping", SAMPLE_MAPPING)
        broadcast = self.draft(self.server.upload(sample_csv(recipients, first)), account, **choices)
        summary = self.server.call("preflight_broadcast", id=broadcast)
        check_equal(summary["blockers"], [], "pre-flight's blockers")
        return broadcast

    def start_broadcast(self, broadcast, **choices):
        return self.server.call("start_broadcast", id=broadcast, acknowledge_warnings=True, **choices)

    def broadcast(self, broadcast):
        return self.server.call("get_broadcast", id=broadcast)

    def wait_state(self, broadcast, states, seconds=60):
        wanted = (states,) if isinstance(states, str) else states

        def look():
            found = self.broadcast(broadcast)
            return found if found["state"] in wanted else None

        try:
            return wait_until(look, seconds, f"broadcast {broadcast} to be {' or '.join(wanted)}", 0.1)
        except CheckFailed as failed:
            raise CheckFailed(f"{failed}; it is {json.dumps(self.broadcast(broadcast))[:900]}") from None

    def settled(self, broadcast, seconds=60):
        """Waits until the sandbox has told everything and nothing changes any more; the broadcast then."""
        self.sandbox.wait_idle(seconds)
        seen = [self.broadcast(broadcast)["counters"]]

        def at_rest():
            seen.append(self.broadcast(broadcast)["counters"])
            return seen[-1] == seen[-2]

        wait_until(at_rest, seconds, "the last statuses to be applied", 0.5)
        return self.broadcast(broadcast)

    def recipients(self, broadcast, state=""):
        out, after = [], 0
        while after is not None:
            page = self.server.call("list_broadcast_recipients", id=broadcast, after_row=after, limit=1000, state=state)
            out += page["recipients"]
            after = page["next_after_row"]
        return out

    def check_conserved(self, broadcast):
        """Every recipient is in exactly one submission state (invariant I1)."""
        counters = broadcast["counters"]
        states = ("queued", "intents", "deferred", "unknown", *SETTLED)
        check_equal(sum(counters[s] for s in states), counters["total"], f"sum of {counters}")

    def check_exactly_once(self, broadcast, recipients):
        """Completed, everybody accepted once, and the ledger says so too."""
        found = self.wait_state(broadcast, TERMINAL, 120)
        check_equal((found["state"], found["counters"]["accepted"]), ("completed", recipients), "state and accepted")
        self.check_conserved(found)
        ledger = self.sandbox.summary()
        check_equal((ledger["phones"], ledger["duplicates_by_token_fields"], ledger["duplicate_phone_subject"]),
                    (recipients, 0, 0), "the ledger's phones and duplicates")
        return found


SAMPLE_TEMPLATE = "spring_sale"
SAMPLE_MAPPING = {
    "header.text": {"constant": "Spring Sale"},
    "body.1": {"column": "name", "fallback": "there"},
    "body.2": {"constant": "the end of the month"},
    "body.3": {"column": "voucher", "fallback": "SPRING"},
    "body.4": {"constant": "10 %"},
}


def sample_phone(i):
    return 4917010000000 + i


def sample_csv(count, first=0):
    """`count` recipients with distinct German mobile numbers, from the first'th on."""
    rows = [f"Guest {i},+{sample_phone(i)},V{i:07d}" for i in range(first, first + count)]
    return ("name,phone,voucher\n" + "\n".join(rows) + "\n").encode()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


# Scripts.

def arguments(description, add=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("binary", help="the posthorn program")
    parser.add_argument("--folder", help="where test folders are made (the system's temporary folder)")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--full", action="store_true", help="full sizes instead of the short ones")
    if add is not None:
        add(parser)
    parsed = parser.parse_args()
    parsed.binary = os.path.abspath(parsed.binary)
    return parsed


def run_cases(cases, parsed):
    """Runs functions with the parsed arguments; the exit code."""
    chosen = [c for c in cases if not parsed.only or parsed.only in c.__name__]
    failed = 0
    for case in chosen:
        began = time.monotonic()
        try:
            case(parsed)
            print(f"ok    {case.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except CheckFailed as reason:
            failed += 1
            place = traceback.extract_tb(reason.__traceback__)
            lines = ", ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in place[1:])
            print(f"FAIL  {case.__name__}: {reason} ({lines})", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {case.__name__}:\n{traceback.format_exc()}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} passed", flush=True)
    return 1 if failed or not chosen else 0


def seeded(seed):
    return random.Random(seed)


def main(description, cases, add=None):
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(run_cases(cases, arguments(description, add)))
