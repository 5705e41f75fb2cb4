// A server with a simulated Meta in a folder of its own, and a browser that remembers everything that went wrong in it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const MAPPING = {
  "header.text": { constant: "Spring sale" }, "body.1": { column: "name" }, "body.2": { constant: "the end of the month" },
  "body.3": { column: "voucher" }, "body.4": { constant: "10 %" },
};

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The first true answer of look(), within so many seconds.
export async function until(what, look, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) assert.fail(`waited ${seconds} s in vain until ${what}`);
    await pause(50);
  }
}

export class Server {
  folder = mkdtempSync(join(tmpdir(), "posthorn-page-"));
  port = 0;
  phones = 4917010000000;

  async start() {
    const settings = [`http.port=${this.port}`, `data_dir=${join(this.folder, "data")}`, `log.file=${join(this.folder, "log")}`];
    this.child = spawn(process.env.POSTHORN, ["serve", "--sandbox", ...settings.flatMap((s) => ["--set", s])],
      { stdio: ["ignore", "pipe", "inherit"] });
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
    let printed = "";
    this.child.stdout.on("data", (piece) => { printed += piece; });
    this.link = await until("the server prints its link", () => printed.match(/http:\S+\/login#\S+/)?.[0], 30);
    this.url = new URL(this.link).origin;
    this.port = Number(new URL(this.link).port);
    this.key = readFileSync(join(this.folder, "data", "cli.key"), "utf8").split("\n")[0].trim();
  }

  async stop() {
    this.child.kill();
    await this.ended;
  }

  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async post(path, body) {
    const response = await fetch(this.url + path, {
      method: "POST", body, headers: { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" },
    });
    const answer = await response.json();
    assert.ok(response.ok, `${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  call(action, parameters = {}) {
    return this.post(`/api/actions/${action}`, JSON.stringify(parameters));
  }

  // A broadcast to people that no other one reaches: its id.
  async draft(name, recipients, account) {
    const first = this.phones;
    this.phones += recipients;
    const rows = Array.from({ length: recipients }, (_, i) => `Guest ${i},+${first + i},V${i}`);
    const upload = await this.post("/api/uploads?name=guests.csv", ["name,phone,voucher", ...rows, ""].join("\n"));
    const { id } = await this.call("create_broadcast", {
      name, account, upload_id: upload.id, template_name: "spring_sale", default_region: "DE", mapping: MAPPING,
    });
    return id;
  }

  async start_broadcast(name, recipients, account) {
    const id = await this.draft(name, recipients, account);
    await this.call("preflight_broadcast", { id });
    await this.call("start_broadcast", { id, acknowledge_warnings: true });
    return id;
  }

  async state(id) {
    return (await this.call("get_broadcast", { id })).state;
  }

  async login_link(role, next) {
    const { path } = await this.call("create_login_link", { role, next });
    return this.url + path;
  }
}

export class Browser {
  async start() {
    this.chromium = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  }

  stop() {
    return this.chromium.close();
  }

  // A page in a browser that nobody has used before, or with the cookies of another page; `troubles` holds console
  // errors, uncaught exceptions and violations of the content security policy.
  async page(like) {
    const storageState = like && await like.context().storageState();
    const context = await this.chromium.newContext({ viewport: { width: 1200, height: 900 }, storageState });
    const page = await context.newPage();
    page.setDefaultTimeout(15000);
    page.troubles = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.troubles.push(message.text()); });
    page.on("pageerror", (error) => page.troubles.push(error.message));
    return page;
  }
}

// In the page: visible texts whose colour is too close to what is behind them (WCAG 2.2, 1.4.3: 4.5 to 1).
export function pale_texts() {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const ground = getComputedStyle(e).backgroundColor;
      if ((numbers(ground)[3] ?? 1) > 0) return ground;
    }
    return "rgb(255, 255, 255)";
  };
  const has_text = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  return [...document.querySelectorAll("body *")].filter((e) => has_text(e) && e.checkVisibility() && !e.closest("svg, noscript, script"))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
      return { text: e.textContent.trim().slice(0, 40), contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
    }).filter((found) => found.contrast < 4.5);
}
