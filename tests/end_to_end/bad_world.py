"""A world as it should not be: templates that do not fit, a token that expires, Meta out of reach, disks that are full, databases
that are newer or in use. Nobody is lost and nobody gets a message twice."""
import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

from bad_files import refused, says_no, still_well
from harness import (SAMPLE_MAPPING, SAMPLE_TEMPLATE, TERMINAL, TOKEN, Server, World, check, check_equal, free_port,
                     request, sample_csv, wait_until)

MiB = 1 << 20


def unfit_templates(parsed):
    with World(parsed) as world:
        server, upload = world.server, world.server.upload(sample_csv(20))

        def attempt(template, mapping):
            answer = server.try_call("create_broadcast", name="x", account="fast", upload_id=upload, template_name=template,
                                     mapping=mapping)
            return answer if answer.status != 200 else server.try_call("preflight_broadcast", id=answer.json()["id"])

        few = {"body.1": {"column": "name"}, "header.text": {"constant": "x"}}
        says_no(attempt(SAMPLE_TEMPLATE, few), "body.2")
        says_no(attempt(SAMPLE_TEMPLATE, {**SAMPLE_MAPPING, "body.9": {"constant": "x"}}), "body.9")
        says_no(attempt(SAMPLE_TEMPLATE, {**SAMPLE_MAPPING, "body.1": {"column": "surname"}}), "surname")
        says_no(attempt("no_such_template", {}), "no_such_template")
        stopped = [t for t in server.call("list_templates")["templates"] if t["status"] in ("PAUSED", "REJECTED")]
        check_equal({t["status"] for t in stopped}, {"PAUSED", "REJECTED"}, "templates of the sandbox that are not approved")
        for template in stopped:
            says_no(attempt(template["name"], {"body.1": {"constant": "x"}}), template["status"])
        check_equal(world.sandbox.summary()["accepted"], 0, "messages sent")
        still_well(world)


def paused_meanwhile(parsed):
    """Meta pauses the template in the middle: the broadcast pauses with the reason and goes on afterwards."""
    with World(parsed) as world:
        broadcast = world.ready_broadcast(3000)
        world.start_broadcast(broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > 300, 20, "the first messages")
        world.sandbox.post(f"templates/{SAMPLE_TEMPLATE}/en_US", {"status": "PAUSED", "reason": "LOW_QUALITY"})
        found = world.wait_state(broadcast, "paused", 20)
        check("template" in found["state_reason"].lower(), f"reason {found['state_reason']!r}")
        world.check_conserved(found)
        world.sandbox.post(f"templates/{SAMPLE_TEMPLATE}/en_US", {"status": "APPROVED"})
        world.server.call("sync_templates")
        world.server.call("resume_broadcast", id=broadcast)
        world.check_exactly_once(broadcast, 3000)
        still_well(world)


def expired_token(parsed):
    with World(parsed) as world:
        broadcast = world.ready_broadcast(3000)
        world.sandbox.post("tokens", {"expire_after": 500})
        world.start_broadcast(broadcast)
        found = world.wait_state(broadcast, "paused", 30)
        check("token" in found["state_reason"].lower(), f"reason {found['state_reason']!r}")
        check_equal(found["counters"]["rejected"], 0, "recipients burnt for the lost token")
        world.check_conserved(found)
        code, out, _ = world.server.cli("doctor")
        check(code != 0 and "token" in out.lower(), f"doctor: exit code {code}, {out[-600:]}")
        refused(world.server.try_call("set_channel_token", account="fast", token="EAA-still-wrong-token"), (400,), "token")
        world.sandbox.post("tokens", {"restore": True})
        world.server.call("set_channel_token", account="fast", token=TOKEN)
        world.server.call("resume_broadcast", id=broadcast)
        world.check_exactly_once(broadcast, 3000)
        still_well(world)


def unreachable_graph(parsed):
    """Meta stops answering in the middle of a run: everything waits, nobody is burnt, and what it took in all the same is
    settled by its echo."""
    with World(parsed, settings={"graph.send_timeout": "2s", "graph.connect_timeout": "2s"}) as world:
        away = Server(parsed.binary, world.folder, f"http://127.0.0.1:{free_port()}", name="away")
        away.start()
        try:
            refused(away.try_call("add_channel", name="shop", business_id="1", phone_number_id="2", token=TOKEN), (502, 503, 504))
        finally:
            away.kill()
        server, sandbox = world.server, world.sandbox
        broadcast = world.ready_broadcast(4000)
        world.start_broadcast(broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > 300, 20, "the first messages")
        os.kill(sandbox.process.pid, signal.SIGSTOP)  # connections stay, answers do not come
        wait_until(lambda: world.broadcast(broadcast)["counters"]["unknown"] > 0, 10, "sends without an answer")
        world.check_conserved(world.broadcast(broadcast))
        if parsed.full:  # takes half a minute of waiting for Meta
            code, out, _ = server.cli("doctor")
            check(code != 0 and "FAILURE" in out, f"doctor: exit code {code}, {out[-300:]}")
        os.kill(sandbox.process.pid, signal.SIGCONT)
        found = world.wait_state(broadcast, TERMINAL + ("paused",), 120)
        if found["state"] == "paused":
            server.call("resume_broadcast", id=broadcast)
        found = world.wait_state(broadcast, TERMINAL, 120)
        found = world.settled(broadcast)
        world.check_conserved(found)
        ledger, counters = sandbox.summary(), found["counters"]
        check_equal(ledger["duplicates_by_token_fields"], 0, "messages sent twice")
        check_equal((counters["accepted"], counters["accepted"] + counters["unknown_final"]), (ledger["phones"], 4000),
                    "accepted by the report and by the ledger")
        still_well(world)


@contextlib.contextmanager
def small_disk(world, size):
    """A file system of so many bytes. Needs to be root; elsewhere the limit on file sizes stands in (None)."""
    folder = os.path.join(world.folder, "disk")
    os.makedirs(folder)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if world.server.process is not None:
            world.server.kill()
        if mounted:
            subprocess.run(["umount", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def limited(size):
    """Options for a process whose files may not grow beyond `size`."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return {"preexec_fn": limit}


def move_to(world, folder, size):
    """The server's data on the small disk, or its files limited."""
    if folder is not None:
        world.server.data = os.path.join(folder, "data")
    world.server.settings.update({"data_dir": world.server.data, "database.reserve_mb": 8})
    world.server.write_config()
    world.server.start(**({} if folder is not None else limited(size)))
    world.connect(("fast",))


def files_below(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def filler(total):
    yield b"name,phone\n"
    for _ in range(total // MiB):
        yield b"x,1\n" * (MiB // 4)


def full_disk_at_import(parsed):
    with World(parsed, start=False) as world, small_disk(world, 96 * MiB) as folder:
        move_to(world, folder, 40 * MiB)
        blobs = os.path.join(world.server.data, "blobs")
        before = files_below(blobs)
        answer = world.server.try_upload(filler(200 * MiB))
        refused(answer, (503, 507), "space" if folder else "")
        check_equal(files_below(blobs), before, "files left behind by the broken upload")
        broadcast = world.ready_broadcast(500)
        world.start_broadcast(broadcast)
        world.check_exactly_once(broadcast, 500)
        still_well(world)


def full_disk_while_sending(parsed):
    with World(parsed, start=False) as world, small_disk(world, 96 * MiB) as folder:
        if folder is None:
            print("  no tmpfs may be mounted here: covered by the simulated disk only", flush=True)
            return
        move_to(world, folder, 0)
        broadcast = world.ready_broadcast(6000)
        world.start_broadcast(broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > 500, 20, "the first messages")
        ballast = os.path.join(folder, "ballast")
        with open(ballast, "wb") as out, contextlib.suppress(OSError):
            while True:
                out.write(bytes(64 * 1024))
                out.flush()

        def at_rest():
            before = world.sandbox.summary()["accepted"]
            time.sleep(1.5)
            return world.sandbox.summary()["accepted"] == before

        wait_until(at_rest, 30, "sending to stop on a full disk", 0.1)
        sent = world.sandbox.summary()["accepted"]
        check(sent < 6000, "the broadcast was over before the disk was full")
        check(world.server.process.alive(), "the server ended on a full disk")
        check_equal(request("GET", world.server.url + "/healthz").status, 200, "/healthz on a full disk")
        print(f"  disk full after {sent} messages", flush=True)
        os.unlink(ballast)
        world.check_exactly_once(broadcast, 6000)
        still_well(world)


def newer_database(parsed):
    with World(parsed) as world:
        server = world.server
        check_equal(server.stop(), 0, "exit code")
        path = os.path.join(server.data, "posthorn.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            known = db.execute("PRAGMA user_version").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "schema_migrations" in tables:
                columns = [row[1] for row in db.execute("PRAGMA table_info(schema_migrations)")]
                values = ", ".join("999" if i == 0 else "0" for i in range(len(columns)))
                db.execute(f"INSERT INTO schema_migrations VALUES ({values})")
            else:
                check(known > 0, f"no schema version in {tables}")
                db.execute("PRAGMA user_version = 999")
            db.commit()
        server.launch()
        code = server.process.child.wait(20)
        said = server.process.output()[-1500:]
        check(code not in (0, 2), f"exit code {code}")
        check("999" in said and "newer" in said, f"it said {said}")


def two_processes(parsed):
    with World(parsed) as world:
        second = Server(parsed.binary, world.folder, world.sandbox.url, name="second", settings={"data_dir": world.server.data})
        second.launch()
        code = second.process.child.wait(20)
        said = second.process.output()
        check(code not in (0, 2), f"exit code {code}")
        check(world.server.data in said or "posthorn.db" in said, f"it does not name the database: {said}")
        taken = Server(parsed.binary, world.folder, world.sandbox.url, name="taken", settings={"http.port": world.server.port})
        taken.launch()
        code = taken.process.child.wait(20)
        check(code not in (0, 2) and str(world.server.port) in taken.process.output(), f"a taken port: {code}, {taken.process.output()}")
        still_well(world)


CASES = [unfit_templates, paused_meanwhile, expired_token, unreachable_graph, full_disk_at_import, full_disk_while_sending,
         newer_database, two_processes]
