// The live page: the list of broadcasts, and one broadcast as it goes. No framework; every text goes in as text, never as HTML.
import { draw } from "/page/chart.js";

const $ = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString();
const ROLES = ["viewer", "agent", "marketer", "admin"];
const REPORT_EVERY = 3000;

const STATES = {
  draft: "Draft", preflighting: "Checking", ready: "Ready", scheduled: "Scheduled", running: "Running",
  paused: "Paused", completed: "Completed", cancelled: "Cancelled", failed: "Failed",
};
const NUMBERS = [
  ["accepted", "Accepted", "taken by Meta"], ["sent", "Sent", "on their way"], ["delivered", "Delivered", "on the phone"],
  ["read", "Read", "opened"], ["failed", "Failed", "not delivered"], ["rejected", "Rejected", "refused by Meta"],
  ["unknown", "Unknown", "no answer yet"], ["suppressed", "Opted out", "left out"], ["queued", "Queued", "still to go"],
];
const BARS = [["read", "k-read"], ["delivered", "k-delivered"], ["accepted", "k-accepted"], ["bad", "k-failed"]];
// Button: action, label, states in which it makes sense, question that is asked first.
const BUTTONS = [
  ["pause_broadcast", "Pause", ["running"]],
  ["resume_broadcast", "Resume", ["paused"]],
  ["cancel_broadcast", "Cancel broadcast", ["running", "paused", "scheduled"],
    "Nobody who has not been reached yet will get the message. This cannot be undone."],
];

let role = "viewer";

function node(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

class Refused extends Error {}

async function act(name, parameters = {}) {
  const response = await fetch(`/api/actions/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(parameters),
  });
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.error.message);
  return answer;
}

function explain(error) {
  notice(error instanceof Refused ? error.message : "The server does not answer. This page tries again by itself.");
}

function clock(text) {
  return text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "–";
}

function duration(seconds) {
  if (seconds === null) return "–";
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

function settled(c) {
  return c.accepted + c.rejected + c.unknown_final + c.suppressed + c.cancelled + c.expired;
}

function percent(c) {
  if (c.total === 0) return 0;
  return Math.floor(settled(c) * 1000 / c.total) / 10;
}

// --- the list ---

function card(b) {
  const title = node("a", { href: `/broadcasts/${b.id}` }, b.name);
  const state = node("span", { class: `state st-${b.state}` }, STATES[b.state] ?? b.state);
  const line = b.counters.total
    ? `${percent(b.counters)} % of ${number(b.counters.total)} · ${number(b.counters.delivered)} delivered · ${clock(b.started_at ?? b.created_at)}`
    : `${b.template_name} · ${clock(b.created_at)}`;
  return node("li", { class: "panel" }, node("div", { class: "title" }, node("h2", {}, title), state), node("p", { class: "muted" }, line));
}

async function showList() {
  $("list-page").hidden = false;
  const refresh = async () => {
    try {
      const { broadcasts } = await act("list_broadcasts", { limit: 50 });
      $("list").replaceChildren(...broadcasts.map(card));
      $("list-empty").hidden = broadcasts.length > 0;
      notice("");
    } catch (error) {
      explain(error);
    }
  };
  await refresh();
  setInterval(() => { if (!document.hidden) refresh(); }, 5000);
}

// --- one broadcast ---

function showBar(c) {
  const shares = {
    read: c.read, delivered: Math.max(0, c.delivered - c.read),
    accepted: Math.max(0, c.accepted - Math.max(c.delivered, c.read) - c.failed),
    bad: c.rejected + c.failed + c.unknown_final + c.expired,
  };
  let x = 0;
  const bars = BARS.map(([name, kind]) => {
    const width = c.total ? shares[name] * 100 / c.total : 0;
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ x, y: 0, width, height: 1, class: kind })) bar.setAttribute(key, value);
    x += width;
    return bar;
  });
  $("track-bars").replaceChildren(...bars);
}

function showNumbers(c) {
  const value = { ...c, unknown: c.unknown + c.unknown_final, queued: c.queued + c.intents + c.deferred };
  $("numbers").replaceChildren(...NUMBERS.map(([name, label, hint]) =>
    node("div", { class: `number n-${name}` }, node("span", {}, label), node("strong", {}, number(value[name])), node("small", {}, hint))));
}

function ask(label, question) {
  const dialog = $("confirm");
  $("confirm-title").textContent = `${label}?`;
  $("confirm-text").textContent = question;
  $("confirm-yes").textContent = label;
  dialog.showModal();
  return new Promise((resolve) => {
    $("confirm-yes").onclick = () => { resolve(true); dialog.close(); };
    $("confirm-no").onclick = () => dialog.close();
    dialog.onclose = () => resolve(false);
  });
}

async function press(button, id, [action, label, , question]) {
  if (question && !await ask(label, question)) return;
  button.disabled = true;
  try {
    show(await act(action, { id }));
    notice("");
  } catch (error) {
    explain(error);
    button.disabled = false;
  }
}

let shownButtons = "";
function showButtons(b) {
  const allowed = ROLES.indexOf(role) >= ROLES.indexOf("marketer");
  const wanted = allowed ? BUTTONS.filter(([, , states]) => states.includes(b.state)) : [];
  const key = wanted.map(([action]) => action).join();
  if (key === shownButtons) return;  // keeps the focus where it is
  shownButtons = key;
  $("buttons").replaceChildren(...wanted.map((spec) => {
    const button = node("button", { type: "button", class: spec[3] ? "danger" : "" }, spec[1]);
    button.addEventListener("click", () => press(button, b.id, spec));
    return button;
  }));
}

function show(b) {
  const c = b.counters;
  document.title = `${percent(c)} % · ${b.name} · Posthorn`;
  $("name").textContent = b.name;
  $("template").textContent = `${b.template_name} · ${b.template_language}`;
  const state = STATES[b.state] ?? b.state;
  if ($("state").textContent !== state) $("state").textContent = state;
  $("state").className = `state st-${b.state}`;
  $("reason").textContent = b.state_reason;
  $("reason").hidden = !b.state_reason;
  $("percent").textContent = `${percent(c)} %`;
  $("settled").textContent = `${number(settled(c))} of ${number(c.total)} recipients`;
  $("track").setAttribute("aria-valuenow", percent(c));
  $("rate").textContent = b.state === "running" ? `${number(Math.round(b.rate_per_second))} / s` : "–";
  $("eta").textContent = duration(b.seconds_left);
  $("started").textContent = b.start_at && !b.started_at ? `planned ${clock(b.start_at)}` : clock(b.started_at);
  $("finished").textContent = clock(b.finished_at);
  showBar(c);
  showNumbers(c);
  showButtons(b);
}

function showReport(report) {
  $("chart-text").textContent = draw($("chart"), report.minutes);
  $("errors").replaceChildren(...report.errors.map((e) => node("tr", {},
    node("th", { scope: "row" }, String(e.code)), node("td", { class: "n" }, number(e.at_submission)),
    node("td", { class: "n" }, number(e.at_delivery)), node("td", {}, e.meaning), node("td", {}, e.next_step))));
  $("errors-empty").hidden = report.errors.length > 0;
  $("errors-scroll").hidden = report.errors.length === 0;
}

function follow(id) {
  const events = new EventSource(`/api/broadcasts/${id}/events`);
  events.addEventListener("broadcast", (event) => { show(JSON.parse(event.data)); notice(""); });
  events.addEventListener("error", () => notice("The connection was lost; trying again …"));
}

async function showBroadcast(id) {
  show(await act("get_broadcast", { id }));
  $("broadcast-page").hidden = false;
  $("report-link").href = `/api/broadcasts/${id}/report.csv`;
  $("problems-link").href = `/api/broadcasts/${id}/problems.csv`;
  follow(id);
  const report = async () => {
    try {
      showReport(await act("get_broadcast_report", { id }));
    } catch (error) {
      explain(error);
    }
  };
  await report();
  setInterval(() => { if (!document.hidden) report(); }, REPORT_EVERY);
}

async function main() {
  ({ role } = await act("ping"));
  const match = location.pathname.match(/^\/broadcasts\/(\d+)$/);
  if (match) await showBroadcast(Number(match[1]));
  else await showList();
}

main().catch(explain);
