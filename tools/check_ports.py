#!/usr/bin/env python3
"""Refuses clocks, randomness, environment, threads, sockets and files outside src/platform/.

Everything above platform/ must run in the simulator from one seed; one forgotten clock and a campaign no longer repeats.
Prints "file:line: reason" for each finding; exit code 1 when there are any.

    check_ports.py [ROOT]      checks ROOT/src
    check_ports.py --self-test plants every violation in a scratch tree and must find each
"""
import pathlib
import re
import sys
import tempfile

RULES = [
    ("clock", r"\b(?:system_clock|steady_clock|high_resolution_clock|utc_clock|file_clock)\b"
              r"|\b(?:gettimeofday|clock_gettime|timespec_get|localtime_r?|nanosleep|usleep)\s*\("
              r"|(?:(?<![\w>])::|\bstd::)(?:time|clock)\s*\(",
     "reads a clock; use platform/clock.h"),
    ("clock", r"\bthis_thread::sleep_(?:for|until)\b|\bsteady_timer\b|\bsystem_timer\b", "sleeps; use platform/clock.h"),
    ("random", r"\b(?:random_device|mt19937(?:_64)?|default_random_engine|minstd_rand0?|uniform_\w+_distribution)\b"
               r"|\b(?:s?rand|rand_r|drand48|getrandom|arc4random\w*|RAND_bytes|randombytes_\w+)\s*\(|(?<![\w>])::random\s*\(",
     "makes random numbers; use platform/random.h"),
    ("environment", r"\b(?:secure_)?getenv\s*\(|\bsetenv\s*\(|\bputenv\s*\(|\benviron\b",
     "reads the environment; use platform/config.h or platform/environment.h"),
    ("thread", r"\bstd::(?:thread|jthread|async|packaged_task)\b|\bpthread_create\b|\bthread_pool\b|\bfork\s*\(",
     "starts a thread; use run_blocking() of platform/files.h"),
    ("network", r"\basio::(?:ip|ssl|local)::|\bnamespace ip\b|#\s*include\s*<(?:sys/socket|netinet/|arpa/inet|netdb|sys/un|sys/epoll)"
                r"|#\s*include\s*<boost/(?:asio/(?:ip|ssl|local)|beast)\b|\b(?:getaddrinfo|inet_pton|gethostbyname)\s*\("
                r"|(?<![\w.>:])::(?:socket|connect|bind|listen|accept4?|recv|send|poll)\s*\(",
     "uses the network; use platform/stream.h or platform/http_client.h"),
    ("file", r"\b(?:fopen|freopen|fdopen|open64|openat2?|creat|mkstemp|opendir)\s*\(|(?<![\w.>:])::(?:open|unlink|rename|mkdir|stat)\s*\("
             r"|\bstd::(?:basic_)?[io]?fstream\b|\bstd::filesystem::|#\s*include\s*<(?:fstream|filesystem)>",
     "touches files; use platform/files.h"),
]

# (path prefix, rule, why it may). Ordered; the shortest list that works is the right one.
ALLOWED = [
    ("src/platform/", None, "the ports themselves"),
    ("src/storage/", "thread", "the database driver's own threads"),
    ("src/storage/", "file", "SQLite's files: locking, backup and free space beside the driver"),
    ("src/app/", "file", "the command line opens the files that its arguments name"),
]

SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".inl"}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments_and_strings(text):
    """Blanks comments and literals, keeping line numbers, and leaves #include lines whole."""
    token = re.compile(r'(?P<inc>^[ \t]*#[ \t]*include[^\n]*)|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
                       r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.S | re.M)
    return token.sub(lambda m: m.group(0) if m.group("inc") else blank(m), text)


def is_allowed(path, rule):
    return any(path.startswith(prefix) and only in (None, rule) for prefix, only, _ in ALLOWED)


def findings(root):
    for file in sorted((root / "src").rglob("*")):
        if file.suffix not in SUFFIXES:
            continue
        path = file.relative_to(root).as_posix()
        text = without_comments_and_strings(file.read_text(encoding="utf-8"))
        for number, line in enumerate(text.split("\n"), 1):
            for rule, pattern, reason in RULES:
                found = re.search(pattern, line)
                if found and not is_allowed(path, rule):
                    yield f"{path}:{number}: {found.group(0).strip()} {reason}"


PLANTED = [
    "auto t = std::chrono::steady_clock::now();", "auto t = std::chrono::system_clock::now();", "auto t = ::time(nullptr);",
    "std::this_thread::sleep_for(d);", "asio::steady_timer timer(executor);", "clock_gettime(CLOCK_REALTIME, &ts);",
    "std::random_device device;", "std::mt19937_64 engine(1);", "int x = rand();", "RAND_bytes(out, 16);",
    'const char* home = getenv("HOME");', "for (char** e = environ; *e; ++e) {}",
    "std::thread worker(run);", "std::jthread worker(run);", "auto f = std::async(run);", "pthread_create(&t, 0, run, 0);",
    "asio::ip::tcp::socket socket(executor);", "asio::ssl::context tls(m);", "#include <boost/beast/http.hpp>",
    "#include <sys/socket.h>", "int fd = ::socket(AF_INET, SOCK_STREAM, 0);",
    'FILE* f = fopen("x", "r");', 'std::ofstream out("x");', 'int fd = ::open("x", O_RDONLY);', "#include <fstream>",
    "std::filesystem::remove(p);",
]
INNOCENT = [
    "// std::thread in a comment", 'log("uses std::thread and getenv(");', "auto r = files.open(path);", "stream.connect(e);",
    "co_await clock.sleep_for(d);", "std::chrono::seconds s(1);", "bool operand(int);", "writer->open('{');", "Time time(int);",
    "auto t = clock.now();", "int brand(int);", "/* rand() */ int x = 1'000'000; int y = 2'000;", "send(message);",
]


def self_test():
    failures = []
    for line, must_find in [(l, True) for l in PLANTED] + [(l, False) for l in INNOCENT]:
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch, "src/messaging/planted.cpp")
            file.parent.mkdir(parents=True)
            file.write_text("#include <string>\n" + line + "\n", encoding="utf-8")
            found = list(findings(pathlib.Path(scratch)))
            if must_find != any(f.startswith("src/messaging/planted.cpp:2: ") for f in found):
                failures.append(("missed: " if must_find else "wrongly refused: ") + line)
            allowed = pathlib.Path(scratch, "src/platform/planted.cpp")
            allowed.parent.mkdir()
            file.rename(allowed)
            if list(findings(pathlib.Path(scratch))):
                failures.append("refused inside platform: " + line)
    print("\n".join(failures) or f"{len(PLANTED)} planted violations found, {len(INNOCENT)} innocent lines passed")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(findings(root))
    print("\n".join(found) or "no clock, randomness, environment, thread, socket or file outside src/platform/")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
