"""kill -9 at random instants while broadcasts run against a sandbox that loses replies and duplicates and reorders webhooks.

At the end every recipient has a settled state, and the sandbox's ledger is the judge: nobody lost, nobody sent to twice; what
stayed unknown is named in the report and at most the in-flight window of each kill. Prints how long a killed server takes to
accept webhooks and to send again.

  kill_random.py build/test/src/app/posthorn --kills 200 --recipients 50000 --seed 1
"""
import contextlib
import http.client
import sys
import time

from harness import (World, arguments, check, check_equal, percentile, request, run_cases, sample_phone, seeded,
                     wait_until)

WINDOW = 256
CHAOS = {
    "faults": [{"kind": "lost_reply", "rate": 0.004}, {"kind": "slow", "rate": 0.02, "min_delay_ms": 20, "max_delay_ms": 150}],
    "webhooks": {"duplicate": 0.15, "reorder": 0.15, "reorder_by_ms": 700},
}
EMPTY_WEBHOOK = {"object": "whatsapp_business_account", "entry": []}


class Kills:
    """What the kills of all runs measured."""

    def __init__(self):
        self.done, self.webhooks, self.sending, self.unknown = 0, [], [], []


def webhook_accepted(server):
    check(server.process.alive(), f"the server ended by itself:\n{server.process.output()[-2000:]}")
    with contextlib.suppress(OSError, http.client.HTTPException):
        return server.webhook(EMPTY_WEBHOOK, timeout=5).status == 200
    return False


def arrivals(world):
    return world.sandbox.pace(FAST)["arrivals"]


FAST = "106540352242923"


def kill_and_restart(world, kills):
    """One kill; what the restart took. False when there was nothing left to send."""
    server = world.server
    server.kill()
    time.sleep(0.02)  # what had left has arrived
    before = arrivals(world)
    began = time.monotonic()
    server.launch()
    wait_until(lambda: webhook_accepted(server), 30, "webhooks to be accepted", 0.005)
    wait_until(lambda: server.ready(), 30, "/readyz", 0.005)
    kills.webhooks.append(time.monotonic() - began)
    kills.done += 1

    def sends_or_done():
        if arrivals(world) > before:
            return "sends"
        counters = world.broadcast(1)["counters"]
        return "done" if counters["queued"] == 0 and counters["deferred"] == 0 else None

    if wait_until(sends_or_done, 60, "sending to go on", 0.01) == "done":
        return False
    kills.sending.append(time.monotonic() - began)
    return True


def unknown_after_crashes(server):
    return [e["unknown_after_crash"] for e in server.log() if e.get("event", e.get("msg")) == "server.started"]


def run(parsed, kills, wanted, seed):
    """One broadcast with kills until it has nothing left to send or enough were made."""
    dice = seeded(seed)
    settings = {"sending.max_in_flight": WINDOW, "sending.unknown_hold": "5s"}
    with World(parsed, settings=settings) as world:
        broadcast = world.ready_broadcast(parsed.recipients)
        check_equal(broadcast, 1, "the broadcast's number")
        world.sandbox.post("chaos", CHAOS)
        world.start_broadcast(broadcast)
        made = 0
        while made < wanted:
            time.sleep(dice.uniform(*parsed.between))
            made += 1
            if not kill_and_restart(world, kills):
                break
        kills.unknown += judge(world, parsed, broadcast)
    print(f"  run with seed {seed}: {made} kills, {parsed.recipients} recipients: nobody lost, nobody twice", flush=True)


def judge(world, parsed, broadcast):
    found = world.wait_state(broadcast, "completed", 300)
    found = world.settled(broadcast, 120)
    world.check_conserved(found)
    counters = found["counters"]
    check_equal(sum(counters[s] for s in ("queued", "intents", "deferred", "unknown")), 0, "recipients without a settled state")
    check_equal(counters["total"], parsed.recipients, "recipients")

    ledger = world.sandbox.summary()
    check_equal((ledger["duplicates_by_token_fields"], ledger["duplicate_phone_subject"]), (0, 0), "messages sent twice")
    crashes = unknown_after_crashes(world.server)
    check(max(crashes) <= WINDOW, f"a kill left {max(crashes)} rows unknown; the window is {WINDOW}")

    # The ledger has exactly the accepted ones; what is unknown is named, and not in the ledger: its echo would have settled it.
    named = world.recipients(broadcast, "unknown_final")
    check_equal(len(named), counters["unknown_final"], "unknown recipients named in the report")
    check(len(named) <= sum(crashes), f"{len(named)} unknown recipients after {sum(crashes)} open intents at kills")
    delivered_but_unknown = [r["phone"] for r in named if world.sandbox.messages(r["phone"])]
    check_equal(delivered_but_unknown, [], "unknown recipients whose echo arrived")
    check_equal((ledger["phones"], counters["rejected"]), (counters["accepted"], 0), "phones in the ledger and rejected")
    check_equal(counters["accepted"] + counters["unknown_final"], parsed.recipients, "accepted and unknown together")
    check_sample(world, broadcast, named, parsed.recipients)
    return crashes


def check_sample(world, broadcast, named, recipients):
    """Some phones, one by one: each has the one message, unless it is named as unknown."""
    unknown = {r["phone"].lstrip("+") for r in named}
    for i in range(0, recipients, max(1, recipients // 300)):
        phone = str(sample_phone(i))
        check_equal(len(world.sandbox.messages(phone)), 0 if phone in unknown else 1, f"messages to {phone}")


def kill_random(parsed):
    kills, seed = Kills(), parsed.seed
    while kills.done < parsed.kills:
        run(parsed, kills, parsed.kills - kills.done, seed)
        seed += 1
    print(f"  {kills.done} kills: unknown at restart {max(kills.unknown)} at most, window {WINDOW}; webhooks accepted and ready after "
          f"{percentile(kills.webhooks, 0.5):.3f} s (median), {percentile(kills.webhooks, 0.95):.3f} s (95 %), {max(kills.webhooks):.3f} s (most); "
          f"sending after {percentile(kills.sending, 0.5):.3f} s, {percentile(kills.sending, 0.95):.3f} s, {max(kills.sending):.3f} s", flush=True)
    check(percentile(kills.webhooks, 0.5) <= 0.5, "webhooks are accepted 0.5 s after a kill")
    check(percentile(kills.sending, 0.5) <= 2, "sending goes on 2 s after a kill")


def options(parser):
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--recipients", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--between", type=float, nargs=2, default=(0.02, 0.7), metavar="SECONDS",
                        help="how long sending goes on before the next kill")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(run_cases([kill_random], arguments(__doc__, options)))
