"""Two clients for Node.js (MIT) against the sandbox, and as receivers of its webhooks: runs node_clients.mjs."""
import json
import os
import subprocess
import sys

from common import APP_SECRET, NUMBER, ONE_BY_ONE, PHONE, TOKEN, VERIFY_TOKEN, WABA, SandboxWorld, check_equal, harness


def run(arguments, what):
    with SandboxWorld(arguments, ONE_BY_ONE) as sandbox:
        facts = {"url": sandbox.url, "waba": WABA, "number": NUMBER, "phone": PHONE, "token": TOKEN, "secret": APP_SECRET,
                 "verify": VERIFY_TOKEN, "modules": os.environ["POSTHORN_NODE_MODULES"]}
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_clients.mjs")
        done = subprocess.run([os.environ["POSTHORN_NODE"], script, what, json.dumps(facts)], capture_output=True, text=True, timeout=60)
        print(done.stdout + done.stderr, end="", flush=True)
        check_equal(done.returncode, 0, f"exit code of {what}")


def kapso_sends(arguments):
    run(arguments, "kapso_sends")


def kapso_listens(arguments):
    run(arguments, "kapso_listens")


def whatsapp_api_js_sends(arguments):
    run(arguments, "whatsapp_api_js_sends")


def whatsapp_api_js_listens(arguments):
    run(arguments, "whatsapp_api_js_listens")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [kapso_sends, kapso_listens, whatsapp_api_js_sends, whatsapp_api_js_listens]))
