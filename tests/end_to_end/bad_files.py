"""Recipient files as they should not be. Each is refused with words that say what is wrong and where, or its rows are counted as
rejected; nothing is left half-done and the server goes on serving."""
import io
import zipfile

from harness import CheckFailed, World, check, check_equal, sample_csv, sample_phone

MiB = 1 << 20


def refused(answer, statuses, *words):
    """An error with one of these statuses whose words name the thing."""
    text = answer.error()
    check(answer.status in statuses, f"status {answer.status} instead of {statuses}: {text}")
    for word in words:
        check(word.lower() in text.lower(), f"the message does not name {word!r}: {text}")


def still_well(world):
    """The server works, and every broadcast adds up."""
    check(world.server.ready(), "the server is not ready any more")
    for broadcast in world.server.call("list_broadcasts", limit=200)["broadcasts"]:
        world.check_conserved(broadcast)
    health = {c["name"]: c["health"] for c in world.server.call("doctor")["checks"]}
    check_equal((health["database"], health["counters"]), ("ok", "ok"), "doctor about database and counters")


def preflight(world, body, template="order_update", mapping=None, **draft):
    """Upload, draft, pre-flight: whichever answer says no first, or the pre-flight's."""
    answer = world.server.try_upload(body)
    if answer.status != 201:
        return answer
    answer = world.server.try_call("create_broadcast", name="bad file", account="fast", upload_id=answer.json()["id"],
                                   template_name=template, mapping=mapping or {"body.1": {"column": "name", "fallback": "x"}}, **draft)
    if answer.status != 200:
        return answer
    return world.server.try_call("preflight_broadcast", id=answer.json()["id"])


def says_no(answer, *words):
    """Refused by a status, or by a blocker of the pre-flight, in words that name the thing."""
    text = answer.body.decode("utf-8", "replace")
    if answer.status == 200:
        blockers = answer.json()["blockers"]
        check(blockers, f"nobody objected: {text[:500]}")
        text = str(blockers)
    else:
        check(400 <= answer.status < 500, f"status {answer.status}: {text[:500]}")
        text = answer.error()
    for word in words:
        check(word.lower() in text.lower(), f"the message does not name {word!r}: {text[:500]}")


def zip_file():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("recipients.csv", sample_csv(100))
    return out.getvalue()


GOOD_ROW = f"Anna,+{sample_phone(1)}\n"

# name, bytes, words of the refusal
REFUSED_FILES = [
    ("empty file", b"", ("empty",)),
    ("only a byte order mark", b"\xef\xbb\xbf", ("empty",)),
    ("header only", b"name,phone\n", ("recipient",)),
    ("missing phone column", b"name,city\nAnna,Berlin\nBen,Hamburg\n", ("phone",)),
    ("a zip named .csv", zip_file(), ("zip",)),
    ("a million columns", (",".join(f"c{i}" for i in range(1_000_000)) + "\n" + "," * 999_999 + "\n").encode(), ("column",)),
    ("wrong encoding", ("naam,phone\n" + "Ren\xe9e,+4917012345678\n" * 50).encode("latin-1"), ("utf-8",)),
    ("an image", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, ()),
    ("nothing but NULs", bytes(5000), ()),
]

# name, bytes, accepted rows, rejected rows
COUNTED_FILES = [
    ("an unclosed quote", ("name,phone\n" + GOOD_ROW + f'"Ben,+{sample_phone(2)}\nClara,+{sample_phone(3)}\n').encode(), 1),
    ("NULs between", ("name,phone\n" + GOOD_ROW + f"Be\0n,+{sample_phone(2)}\nClara,+49170\x001\n").encode(), None),
    ("ragged rows", ("name,phone\n" + GOOD_ROW + "only one\n" + f"a,+{sample_phone(2)},b,c,d\n").encode(), None),
]


def small_files(parsed):
    with World(parsed) as world:
        problems = []
        for name, body, words in REFUSED_FILES:
            try:
                says_no(preflight(world, body), *words)
            except CheckFailed as reason:
                problems.append(f"{name}: {reason}")
        for name, body, accepted in COUNTED_FILES:
            try:
                answer = preflight(world, body)
                if answer.status != 200:
                    says_no(answer)
                    continue
                summary = answer.json()
                check(summary["rejected"] >= 1, f"no row rejected: {str(summary)[:300]}")
                if accepted is not None:
                    check_equal(summary["accepted"], accepted, "accepted rows")
            except CheckFailed as reason:
                problems.append(f"{name}: {reason}")
        still_well(world)
        check(not problems, "\n      ".join(["", *problems]))


def line_pieces(total):
    """A header, one good row, then one line of `total` bytes without end."""
    yield ("name,phone\n" + GOOD_ROW).encode()
    piece = b"x" * MiB
    for _ in range(total // MiB):
        yield piece


def endless_line(parsed):
    """A line of 1 GB: streamed, refused or rejected, and never held in memory."""
    size = 1024 * MiB if parsed.full else 256 * MiB
    with World(parsed) as world:
        world.server.forget_peak()
        idle = world.server.memory()
        answer = preflight(world, line_pieces(size))
        if answer.status == 200 and not answer.json()["blockers"]:
            check(answer.json()["rejected"] >= 1, f"the line was not rejected: {answer.body[:300]!r}")
        else:
            says_no(answer, "line")
        grown = world.server.memory("VmHWM") - idle
        print(f"  a line of {size // MiB} MiB: memory grew by {grown / MiB:.1f} MiB", flush=True)
        check(grown <= 64 * MiB, f"memory grew by {grown / MiB:.1f} MiB")
        still_well(world)


def row_pieces(rows):
    yield b"name,phone\n"
    for first in range(0, rows, 20_000):
        yield "".join(f"G{i},+{sample_phone(i)}\n" for i in range(first, min(rows, first + 20_000))).encode()


def five_million_rows(parsed):
    rows = 5_000_000 if parsed.full else 500_000
    with World(parsed) as world:
        world.server.forget_peak()
        idle = world.server.memory()
        answer = preflight(world, row_pieces(rows))
        check_equal((answer.status, answer.json().get("accepted")), (200, rows), "status and accepted rows")
        grown = world.server.memory("VmHWM") - idle
        print(f"  {rows} rows: memory grew by {grown / MiB:.1f} MiB", flush=True)
        check(grown <= 64 * MiB, f"memory grew by {grown / MiB:.1f} MiB")
        still_well(world)


def too_many_rows(parsed):
    with World(parsed, settings={"broadcast.max_rows": 1000, "broadcast.upload_limit_mb": 1}) as world:
        says_no(preflight(world, sample_csv(1001)), "1000")
        answer = world.server.try_upload(line_pieces(3 * MiB))
        refused(answer, (413,), "1 MiB")
        still_well(world)


CASES = [small_files, endless_line, five_million_rows, too_many_rows]
