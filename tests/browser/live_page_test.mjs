// The live page as a person meets it: Posthorn with a simulated Meta, in Chromium.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Browser, Server, pale_texts, pause, until } from "./harness.mjs";

const HOSTILE = `<img src=x onerror="window.caught=1"><script>window.caught=2</script>'"&amp;`;
const server = new Server(), browser = new Browser();
let owner;  // the page that was opened with the printed link

before(async () => {
  await Promise.all([server.start(), browser.start()]);
});

after(async () => {
  await browser.stop();
  await server.remove();
});

const button = (page, name) => page.locator("#buttons").getByRole("button", { name });
const percent = async (page) => Number(await page.getByRole("progressbar", { name: "Recipients settled" }).getAttribute("aria-valuenow"));
const shows_state = (page, state) => page.locator("#state").getByText(state, { exact: true }).waitFor();

async function moves(page) {
  const seen = await percent(page);
  await until("the progress bar moves", async () => await percent(page) > seen);
}

async function nothing_was_run(page) {
  assert.equal(await page.evaluate(() => window.caught), undefined, "markup in a text was run");
  assert.equal(await page.locator("main img, main script").count(), 0, "markup in a text became elements");
}

test("the printed link opens the page, once", async () => {
  owner = await browser.page();
  await owner.goto(server.link);
  await owner.getByText("No broadcast yet.").waitFor();
  assert.equal(owner.url(), `${server.url}/`, "the token is gone from the address");
  const bytes = await owner.evaluate(() => {
    const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return files.filter((file) => !file.name.includes("/api/")).reduce((sum, file) => sum + file.decodedBodySize, 0);
  });
  assert.ok(bytes > 20000 && bytes < 60000, `the page weighs ${bytes} bytes`);

  const late = await browser.page();
  await late.goto(server.link);
  await late.getByRole("heading", { name: "This link did not open Posthorn" }).waitFor();
  assert.match(await late.locator("#message").textContent(), /used already/);
  await late.goto(`${server.url}/broadcasts/1`);
  await late.getByRole("heading", { name: "You are not signed in" }).waitFor();
  assert.equal(await late.locator("#broadcast-page").isVisible(), false);
  await late.context().close();
});

test("progress moves; pause, resume and cancel do what they say", async () => {
  const id = await server.start_broadcast(`Spring ${HOSTILE}`, 3000, "sandbox");
  await owner.reload();
  await owner.getByRole("link", { name: "Spring" }).click();
  await shows_state(owner, "Running");
  assert.equal(await owner.getByRole("heading", { level: 1 }).textContent(), `Spring ${HOSTILE}`);
  await moves(owner);
  assert.match(await owner.title(), /^\d+(\.\d)? % · Spring <img/);
  assert.match(await owner.locator("#rate").textContent(), /^\d+ \/ s$/);
  await until("the time left is known", async () => /\d+ s/.test(await owner.locator("#eta").textContent()));

  await button(owner, "Pause").focus();
  await owner.keyboard.press("Enter");
  await shows_state(owner, "Paused");
  assert.equal(await server.state(id), "paused");
  assert.equal(await owner.evaluate(() => document.activeElement.textContent), "Resume", "the focus stays among the buttons");
  assert.equal(await owner.locator("#reason").textContent(), "paused by hand");
  assert.match(await owner.getByRole("status").textContent(), /^Paused, \d+ percent/);

  await button(owner, "Resume").click();
  await shows_state(owner, "Running");
  assert.equal(await server.state(id), "running");
  await moves(owner);

  await server.call("pause_broadcast", { id, reason: HOSTILE });
  await shows_state(owner, "Paused");
  assert.equal(await owner.locator("#reason").textContent(), HOSTILE);

  await button(owner, "Cancel broadcast").click();
  assert.equal(await owner.evaluate(() => document.activeElement.textContent), "Go back", "the safe answer comes first");
  await owner.keyboard.press("Escape");
  assert.equal(await server.state(id), "paused", "no answer is no");
  await button(owner, "Cancel broadcast").click();
  await owner.getByRole("dialog").getByRole("button", { name: "Cancel broadcast" }).click();
  await shows_state(owner, "Cancelled");
  assert.equal(await server.state(id), "cancelled");
  assert.equal(await owner.locator("#buttons button").count(), 0);
  assert.equal(await owner.locator(".n-queued strong").textContent(), "0", "nobody is still to go");
  await nothing_was_run(owner);
});

test("the report says what went wrong and what to do", async () => {
  const id = await server.start_broadcast("Report", 600, "sandbox-fast");
  await owner.goto(`${server.url}/broadcasts/${id}`);
  await shows_state(owner, "Completed");
  const row = owner.getByRole("row", { name: /131026/ });
  await row.waitFor();
  assert.match(await row.textContent(), /not on WhatsApp.*at delivery.*Reach the person another way/);
  assert.ok(await owner.locator("#chart svg rect.c-accepted").count() > 0, "there is a chart");
  assert.match(await owner.locator("#chart-text").textContent(), /Most accepted in one minute: \d+, at \d\d:\d\d/);
  assert.equal(await owner.locator(".n-accepted strong").textContent(), "600");
  assert.equal(await percent(owner), 100);

  const download = owner.waitForEvent("download");
  await owner.getByRole("link", { name: "Report as CSV" }).click();
  const file = await download;
  assert.equal(file.suggestedFilename(), `broadcast-${id}-report.csv`);
  const lines = readFileSync(await file.path(), "utf8").trim().split("\n");
  assert.equal(lines.length, 601);
  assert.match(lines[0], /^row,line,phone/);
});

test("texts in errors stay texts", async () => {
  const [{ id }] = (await server.call("list_broadcasts", { limit: 1 })).broadcasts;
  const page = await browser.page(owner);
  const error = { code: HOSTILE, at_submission: 1234, at_delivery: 1, meaning: HOSTILE, next_step: HOSTILE };
  await page.route("**/get_broadcast_report", (route) => route.fulfill({ json: { minutes: [], errors: [error] } }));
  await page.goto(`${server.url}/broadcasts/${id}`);
  await page.locator("#errors tr").waitFor();
  const cells = await page.locator("#errors tr > *").allTextContents();
  assert.deepEqual(cells, [HOSTILE, "1,235", `${HOSTILE}1,234 at sending, 1 at delivery`, HOSTILE]);
  await nothing_was_run(page);
  assert.deepEqual(page.troubles, []);

  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.caught = 3";
    document.body.append(script);
  });
  await until("the policy is seen at work", () => page.troubles.some((t) => t.includes("Content Security Policy")));
  assert.equal(await page.evaluate(() => window.caught), undefined);
  await page.context().close();
});

test("who may only look sees no buttons", async () => {
  const id = await server.start_broadcast("Looking", 2000, "sandbox");
  const page = await browser.page();
  await page.goto(await server.login_link("viewer", `/broadcasts/${id}`));
  await shows_state(page, "Running");
  await moves(page);
  assert.equal(await page.locator("#buttons button").count(), 0);
  const refused = await page.evaluate(async (broadcast) => (await fetch("/api/actions/pause_broadcast", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id: broadcast }),
  })).status, id);
  assert.equal(refused, 403, "and could not press them either");
  await page.context().close();

  await owner.goto(`${server.url}/broadcasts/${id}`);
  await button(owner, "Pause").waitFor();
});

test("it fits a narrow phone, and every text can be read by day and by night", async () => {
  const seen = (await server.call("list_broadcasts", { limit: 10 })).broadcasts;
  const reports = seen.filter((b) => ["completed", "running"].includes(b.state)).map((b) => `/broadcasts/${b.id}`);
  const page = await browser.page(owner);
  for (const path of ["/", "/login", ...reports]) {
    await page.goto(server.url + path);
    await page.locator("h1:visible").waitFor();
    await pause(300);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await page.evaluate(pale_texts), [], `${path}, ${colorScheme}`);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, `${path} is wider than a phone`);
    await page.setViewportSize({ width: 1200, height: 900 });
  }
  await page.goto(`${server.url}/broadcasts/999999`);
  await page.getByRole("alert").getByText("there is no broadcast 999999").waitFor();
  await page.context().close();
});

test("nothing complained so far", () => assert.deepEqual(owner.troubles, []));

test("a page without a session says so and asks no more", async () => {
  const page = await browser.page(owner);
  await page.goto(`${server.url}/`);
  await page.locator("#list li").first().waitFor();
  await page.context().clearCookies();
  await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
  assert.equal(await page.locator("#list-page").isVisible(), false);
  let asked = 0;
  page.on("request", () => { ++asked; });
  await pause(4000);
  assert.equal(asked, 0, "wrong credentials are counted, and would lock this address out");
  await page.context().close();
});

test("a server that is gone is waited for, and the page goes on by itself when it is back", async () => {
  await server.stop();
  await owner.getByRole("alert").getByText("The server does not answer.").waitFor();
  assert.equal(await owner.getByRole("heading", { level: 1 }).textContent(), "Looking", "what was seen last stays");
  await server.start();
  await owner.getByRole("alert").getByText("The server does not answer.").waitFor({ state: "hidden" });
  await owner.reload();  // still signed in
  assert.equal(await owner.getByRole("heading", { level: 1 }).textContent(), "Looking");
});
