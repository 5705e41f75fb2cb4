"""The AWS code against programs of others: aws4 as a second signer, sns-validator as a second judge of SNS signatures, and
fauxqs as a queue that is polled. Runs aws_clients.mjs; the binary is aws_driver."""
import os
import subprocess
import sys

from common import check_equal, harness


def run(arguments, what):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aws_clients.mjs")
    done = subprocess.run([os.environ["POSTHORN_NODE"], script, what, arguments.binary, os.environ["POSTHORN_NODE_MODULES"]],
                          capture_output=True, text=True, timeout=60)
    print(done.stdout + done.stderr, end="", flush=True)
    check_equal(done.returncode, 0, f"exit code of {what}")


def signatures(arguments):
    run(arguments, "signatures")


def notifications(arguments):
    run(arguments, "notifications")


def queue(arguments):
    run(arguments, "queue")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [signatures, notifications, queue]))
