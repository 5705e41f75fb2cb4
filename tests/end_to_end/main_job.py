"""The main job as people do it: the demonstration, and a broadcast through every step from draft to report and backup.

  main_job.py build/test/src/app/posthorn
"""
import csv
import datetime
import http.client
import io
import json
import os
import re
import subprocess
import time

from harness import (SAMPLE_MAPPING, SAMPLE_TEMPLATE, WABA, World, check, check_equal, main, request, sample_csv, sample_phone, wait_until)


def demonstration(parsed):
    """posthorn demo --once: 0, since every recipient was accepted exactly once."""
    with World(parsed, start=False) as world:
        done = subprocess.run([parsed.binary, "demo", "--once", "--recipients", "2000", "--set", "http.port=0"], cwd=world.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        said = done.stdout.decode()
        check_equal(done.returncode, 0, f"exit code; it said {said[-1500:]} {done.stderr.decode()[-500:]}")
        check("every recipient exactly once" in said, said[-1500:])
        check(re.search(r"http://127\.0\.0\.1:\d+/login#\S{20,}", said), "no one-time link was printed")
        left = [name for name in os.listdir(world.folder) if name not in ("data", "sandbox.json", "sandbox.log", "server.toml")]
        check_equal(left, [], "files outside the data folder")


def draft_to_report(parsed):
    with World(parsed) as world:
        server = world.server
        body = sample_csv(300) + b"Twin,+4917010000000,V1\nNobody,n/a,V2\n=1+1,+4917010000300,V3\n"
        upload = server.upload(body, name="people.csv")
        seen = server.call("inspect_upload", id=upload, template_name=SAMPLE_TEMPLATE, account="fast")
        check("phone" in json.dumps(seen["phone_column"]), f"the phone column: {seen}")
        broadcast = world.draft(upload, template=SAMPLE_TEMPLATE, mapping=SAMPLE_MAPPING)
        previews = server.call("preview_broadcast", id=broadcast, count=2)["previews"]
        check("Guest 0" in json.dumps(previews) and "V0000001" in json.dumps(previews), f"previews: {previews}")
        summary = server.call("preflight_broadcast", id=broadcast)
        check_equal([summary[k] for k in ("rows", "accepted", "rejected", "duplicates")], [303, 301, 1, 1], "pre-flight")
        test = server.call("test_broadcast", id=broadcast, to="+4917099999999")
        outcome = server.call("get_send", send_id=test["send_id"], wait_seconds=20)
        check_equal(outcome["submission"], "accepted", "the test message")
        check_equal(len(world.sandbox.messages("4917099999999")), 1, "test messages received")
        world.start_broadcast(broadcast)
        world.wait_state(broadcast, "completed", 30)
        found = world.settled(broadcast)
        check_equal([found["counters"][k] for k in ("accepted", "delivered", "failed")], [301, 301, 0], "counters")
        check_report(server, broadcast)


def check_report(server, broadcast):
    report = server.call("get_broadcast_report", id=broadcast)
    check("301" in json.dumps(report), f"the report: {json.dumps(report)[:300]}")
    rows = list(csv.DictReader(io.StringIO(server.get(f"/api/broadcasts/{broadcast}/report.csv").body.decode("utf-8-sig"))))
    check_equal(len(rows), 301, "rows of the exported report")
    check(all(not cell.startswith(("=", "@", "+", "-")) for row in rows for cell in row.values() if cell), "a cell is a formula")
    problems = list(csv.DictReader(io.StringIO(server.get(f"/api/broadcasts/{broadcast}/problems.csv").body.decode("utf-8-sig"))))
    check_equal(len(problems), 2, "rejected and duplicate rows")
    check_equal(sorted(int(p["line"]) for p in problems), [302, 303], "their lines")
    code, out, _ = server.cli("broadcast", "export", broadcast)
    check_equal((code, len(list(csv.DictReader(io.StringIO(out.lstrip("\ufeff")))))), (0, 301), "export on the command line")
    code, out, _ = server.cli("broadcast", "report", broadcast, "--json")
    check(code == 0 and json.loads(out), f"report on the command line: {code}")


def pause_resume_cancel(parsed):
    with World(parsed) as world:
        server, broadcast = world.server, world.ready_broadcast(4000)
        world.start_broadcast(broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > 200, 20, "the first messages")
        server.call("pause_broadcast", id=broadcast, reason="lunch")
        wait_until(lambda: world.broadcast(broadcast)["counters"]["intents"] == 0, 10, "the last answers")
        before = world.sandbox.summary()["accepted"]
        time.sleep(1)
        check_equal(world.sandbox.summary()["accepted"], before, "messages while paused")
        found = world.broadcast(broadcast)
        check_equal((found["state"], found["state_reason"]), ("paused", "lunch"), "state and reason")
        server.call("resume_broadcast", id=broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > before + 200, 20, "messages after the pause")
        server.call("cancel_broadcast", id=broadcast)
        found = world.wait_state(broadcast, "cancelled", 20)
        found = world.settled(broadcast)
        world.check_conserved(found)
        ledger = world.sandbox.summary()
        check_equal((found["counters"]["accepted"], ledger["duplicates_by_token_fields"]), (ledger["phones"], 0), "reached")
        check(found["counters"]["accepted"] < 4000, "cancelling came too late")
        for action in ("resume_broadcast", "start_broadcast", "pause_broadcast"):
            check_equal(server.try_call(action, id=broadcast).status, 409, f"{action} after the end")


def scheduled_start(parsed):
    with World(parsed) as world:
        broadcast = world.ready_broadcast(50)
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
        started = world.start_broadcast(broadcast, at=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        check_equal(started["state"], "scheduled", "state")
        world.server.stop()
        world.server.start()
        check_equal((world.broadcast(broadcast)["state"], world.sandbox.summary()["accepted"]), ("scheduled", 0), "before its time")
        world.wait_state(broadcast, "completed", 20)
        world.check_exactly_once(broadcast, 50)


def is_suppressed(server, phone):
    return server.call("check_suppression", phone=f"+{phone}", business_id=WABA)["suppressed"]


def opt_outs(parsed):
    """STOP, Meta's preference and the operator's list keep people out of the next broadcast."""
    with World(parsed) as world:
        server, sandbox = world.server, world.sandbox
        first = world.ready_broadcast(100)
        world.start_broadcast(first)
        world.wait_state(first, "completed", 20)
        number = "106540352242923"
        sandbox.post(f"phones/{sample_phone(3)}/send?number={number}", {"type": "text", "text": "Stop"})
        sandbox.post(f"phones/{sample_phone(5)}/send?number={number}", {"type": "text", "text": "please stop by tomorrow"})
        sandbox.post(f"phones/{sample_phone(7)}/preference", {"value": "stop"})
        server.call("add_suppressions", phones=[f"+{sample_phone(9)}"], detail="asked by e-mail")
        gone = [sample_phone(i) for i in (3, 7, 9)]
        for phone in gone:
            wait_until(lambda phone=phone: is_suppressed(server, phone), 10, f"opt-out of {phone}")
        second = world.ready_broadcast(100)
        check_equal(world.broadcast(second)["preflight"]["opted_out"], 3, "opted out in the pre-flight")
        sandbox.post(f"phones/{sample_phone(11)}/send?number={number}", {"type": "text", "text": "STOP"})
        wait_until(lambda: is_suppressed(server, sample_phone(11)), 10, "the late opt-out")
        world.start_broadcast(second)
        world.wait_state(second, "completed", 20)
        world.check_conserved(world.broadcast(second))
        received = {i: len(sandbox.messages(sample_phone(i))) for i in (3, 5, 7, 9, 11, 12)}
        check_equal(received, {3: 1, 5: 2, 7: 1, 9: 1, 11: 1, 12: 2}, "messages received by each")


def keys_and_roles(parsed):
    with World(parsed) as world:
        server, broadcast = world.server, world.ready_broadcast(20)
        keys = {role: server.call("create_key", name=role, role=role)["key"] for role in ("viewer", "agent", "marketer", "admin")}
        attempts = [("get_broadcast", {"id": broadcast}, "viewer"), ("start_broadcast", {"id": broadcast}, "marketer"),
                    ("create_key", {"name": "x", "role": "viewer"}, "admin"), ("doctor", {}, "admin")]
        ranks = list(keys)
        for action, parameters, least in attempts:
            for role in ranks[:ranks.index(least)]:
                answer = server.try_call(action, keys[role], **parameters)
                check_equal(answer.status, 403, f"{action} as {role}")
                check(least in answer.error(), f"the message does not name the role: {answer.error()}")
            check_equal(server.try_call(action, keys[least], **parameters).status, 200, f"{action} as {least}")
        check_equal(server.try_upload(sample_csv(1), key=keys["agent"]).status, 403, "upload as agent")
        server.call("revoke_key", name="marketer")
        check_equal(server.try_call("ping", keys["marketer"]).status, 401, "a revoked key")
        raw = open(os.path.join(server.data, "posthorn.db"), "rb").read()
        check(all(key.encode() not in raw for key in keys.values()), "a key lies in the database in the clear")
        check(not any(key in server.process.output() for key in keys.values()), "a key was logged")


def one_time_link(parsed):
    with World(parsed) as world:
        server = world.server
        code, out, _ = server.cli("key", "link", "--role", "marketer", "--next", "/broadcasts/7", "--json")
        check_equal(code, 0, "exit code")
        token = json.loads(out)["url"].split("#")[1]

        def log_in(origin=None):
            headers = {"Content-Type": "application/json", **({"Origin": origin} if origin else {})}
            return request("POST", server.url + "/login", json.dumps({"token": token}).encode(), headers)

        check(log_in("http://evil.example").status in (400, 403), "a foreign origin was let in")
        opened = log_in(server.url)
        check_equal((opened.status, opened.json()["next"]), (200, "/broadcasts/7"), "the first use")
        check_equal(log_in(server.url).status, 401, "the second use")
        cookie = opened.headers["Set-Cookie"]
        check("HttpOnly" in cookie and "SameSite" in cookie, f"cookie {cookie}")
        session = {"Cookie": cookie.split(";")[0], "Content-Type": "application/json"}
        body = json.dumps({"limit": 5}).encode()
        check_equal(request("POST", server.url + "/api/actions/list_broadcasts", body, {**session, "Origin": server.url}).status, 200, "session")
        check(request("POST", server.url + "/api/actions/list_broadcasts", body, {**session, "Origin": "http://evil.example"}).status
              in (400, 401, 403), "a session was used from a foreign page")
        check_equal(request("GET", server.url + "/broadcasts/7").status, 200, "the page")


def live_progress(parsed):
    with World(parsed) as world:
        server, broadcast = world.server, world.ready_broadcast(3000)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", f"/api/broadcasts/{broadcast}/events", headers=server.headers())
        reply = connection.getresponse()
        check_equal((reply.status, reply.headers["Content-Type"]), (200, "text/event-stream"), "the stream")
        world.start_broadcast(broadcast)
        seen, end = [], time.monotonic() + 30
        while time.monotonic() < end:
            line = reply.readline().decode()
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
                if seen[-1]["state"] == "completed":
                    break
        connection.close()
        accepted = [s["counters"]["accepted"] for s in seen]
        check(len(set(accepted)) >= 4 and accepted == sorted(accepted) and accepted[-1] == 3000, f"progress {accepted}")
        check(any(s["rate_per_second"] > 0 and s["seconds_left"] is not None for s in seen), "neither rate nor time left were shown")


def backup_and_restore(parsed):
    with World(parsed) as world:
        server, broadcast = world.server, world.ready_broadcast(3000)
        world.start_broadcast(broadcast)
        wait_until(lambda: world.broadcast(broadcast)["counters"]["accepted"] > 500, 20, "the first messages")
        code, out, err = server.cli("backup", "in-the-middle", "--json")
        check_equal(code, 0, f"backup's exit code: {err}")
        folder = json.loads(out)["folder"]
        world.check_exactly_once(broadcast, 3000)
        check_equal(server.stop(), 0, "exit code of the server")
        check_equal(server.cli("restore", folder, "--verify")[0], 0, "restore --verify")
        target = os.path.join(world.folder, "restored")
        code, _, err = server.cli("restore", folder, "--set", f"data_dir={target}")
        check_equal(code, 3, f"exit code of a restore without the master key: {err}")
        check("master.key" in err and not os.path.exists(target), f"a restore without the master key: {err}")
        key = os.path.join(server.data, "master.key")
        code, out, err = server.cli("restore", folder, "--set", f"data_dir={target}", "--master-key", key)
        check_equal(code, 0, f"restore's exit code: {err}")
        check("secrets_opened" in out, f"what restore says: {out}")
        code, _, err = server.cli("restore", folder, "--set", f"data_dir={target}")
        check(code != 0, "a restore over an existing database was not refused")
        check_equal(server.cli("restore", os.path.join(world.folder, "nowhere"), "--verify")[0] != 0, True, "a missing backup is refused")
        restored_goes_on(world, target, broadcast)
        damage(folder)
        code, out, err = server.cli("restore", folder, "--verify")
        check(code not in (0, 2), f"a damaged backup was not noticed: {out} {err}")


def restored_goes_on(world, target, broadcast):
    """The restored broadcast waits for a person."""
    server = world.server
    server.data = target
    server.settings["data_dir"] = target
    server.write_config()
    server.start()
    found = world.broadcast(broadcast)
    check_equal(found["state"], "paused", "the restored broadcast's state")
    check("backup" in found["state_reason"], f"reason {found['state_reason']!r}")
    world.check_conserved(found)
    check_equal({c["name"]: c["health"] for c in server.call("doctor")["checks"]}["counters"], "ok", "doctor about counters")
    server.stop()


def damage(folder):
    largest = max((os.path.join(at, f) for at, _, files in os.walk(folder) for f in files), key=os.path.getsize)
    with open(largest, "r+b") as out:
        out.seek(os.path.getsize(largest) // 2)
        out.write(b"damaged")


def doctor_and_documents(parsed):
    with World(parsed, settings={"http.public_url": "https://posthorn.example.org"}) as world:
        server = world.server
        code, out, err = server.cli("doctor")
        check_equal(code, 0, f"doctor's exit code: {out} {err}")
        document = json.loads(server.get("/api/openapi.json").body)
        actions = json.loads(server.try_call("list_actions").body)
        check_equal(len([p for p in document["paths"] if p.startswith("/api/actions/")]), actions["total"], "actions in the document")
        check_equal(request("GET", server.url + "/healthz").status, 200, "/healthz")
        check("posthorn_send_outcomes_total" in server.get("/metrics").body.decode(), "metrics")
        check(server.memory() < 50 << 20, f"idle memory {server.memory() >> 20} MiB")
        took = server.stop() or server.start()
        print(f"  start to ready: {took:.3f} s", flush=True)
        check(took < 1, f"start took {took:.2f} s")


if __name__ == "__main__":
    main(__doc__, [demonstration, draft_to_report, pause_resume_cancel, scheduled_start, opt_outs, keys_and_roles, one_time_link,
                   live_progress, backup_and_restore, doctor_and_documents])
