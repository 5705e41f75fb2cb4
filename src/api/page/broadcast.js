// One broadcast as it goes.
import { bar, chart } from "/page/chart.js";
import { act, explain, follow, notice, persist, repeat } from "/page/server.js";
import { byId, dayAndTime, duration, endedEarly, node, number, percent, setText, settled, stateName, time, unsent } from "/page/text.js";

const REPORT_EVERY = 3000;
const ROLES = ["viewer", "agent", "marketer", "admin"];
const ENDED = ["completed", "cancelled", "failed"];

const WAY = [
  ["accepted", "Accepted", "taken by Meta"], ["sent", "Sent", "on their way"],
  ["delivered", "Delivered", "on the phone"], ["read", "Read", "opened"],
];
const REST = [
  ["queued", "To go", "not sent yet"], ["rejected", "Rejected", "refused by Meta"], ["failed", "Failed", "not delivered"],
  ["unknown", "Unknown", "no answer yet"], ["suppressed", "Opted out", "left out"], ["unsent", "Not sent", "cancelled or late"],
];
// Button: action, label, states in which it makes sense, question that is asked first.
const BUTTONS = [
  ["pause_broadcast", "Pause", ["running"]],
  ["resume_broadcast", "Resume", ["paused"]],
  ["cancel_broadcast", "Cancel broadcast", ["running", "paused", "scheduled"],
    "People who have not been reached yet will not get the message. This cannot be undone."],
];
// What a person can do next, where this page has no button for it.
const HINTS = {
  draft: (b) => ["Not checked yet. ", `posthorn broadcast preflight ${b.id}`],
  preflighting: () => ["Every row of the file is being checked."],
  ready: (b) => ["Checked and ready. Nothing has been sent. ", `posthorn broadcast start ${b.id}`],
  completed: (b) => b.counters.unknown_final === 0 ? [] : [
    `Whether ${number(b.counters.unknown_final)} messages arrived is not known, and they are not sent again by themselves. To send them again, at the risk that some come twice: `,
    `posthorn action resend_unknown id=${b.id} accept_duplicate_risk=true`],
};

// Tiles are made once; later only their numbers change.
function tiles(holder, list) {
  const values = {};
  holder.replaceChildren(...list.map(([name, label, hint]) => {
    values[name] = { number: node("strong", {}, "0"), hint: node("small", {}, hint) };
    return node("div", { class: `number n-${name}` }, node("dt", {}, label), node("dd", {}, values[name].number, values[name].hint));
  }));
  return values;
}

function showNumbers(way, rest, b) {
  const c = b.counters;
  for (const [name, , hint] of WAY) {
    setText(way[name].number, number(c[name]));
    setText(way[name].hint, c.total && c[name] ? `${percent(c[name], c.total)} % · ${hint}` : hint);
  }
  const value = { ...c, unknown: c.unknown + c.unknown_final, queued: endedEarly(b) ? c.intents : c.queued + c.intents + c.deferred, unsent: unsent(b) };
  for (const [name] of REST) {
    setText(rest[name].number, number(value[name]));
    rest[name].number.parentElement.parentElement.classList.toggle("some", value[name] > 0);
  }
}

function fact(id, text) {
  setText(byId(id), text ?? "");
  byId(id).parentElement.hidden = text === null;
}

function showFacts(b) {
  const running = b.state === "running", ended = ENDED.includes(b.state);
  const left = running && b.seconds_left !== null ? b.seconds_left : null;
  const soon = left === null || left < 90 ? "" : ` · about ${time(Date.now() + left * 1000)}`;
  fact("rate", running ? `${number(Math.round(b.rate_per_second))} / s` : null);
  fact("eta", left === null ? null : duration(left) + soon);
  fact("planned", b.start_at && !b.started_at && !ended ? dayAndTime(b.start_at) : null);
  fact("started", b.started_at ? dayAndTime(b.started_at) : null);
  fact("finished", ended && b.finished_at ? dayAndTime(b.finished_at) : null);
  fact("took", ended && b.started_at && b.finished_at ? duration((Date.parse(b.finished_at) - Date.parse(b.started_at)) / 1000) : null);
}

function showHint(b) {
  const [text, command] = HINTS[b.state]?.(b) ?? [];
  const key = `${text ?? ""}${command ?? ""}`;
  if (byId("hint").textContent === key) return;
  byId("hint").replaceChildren(...(text ? [text] : []), ...(command ? [node("code", {}, command)] : []));
  byId("hint").hidden = !text;
}

function ask(label, question) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = `${label}?`;
  byId("confirm-text").textContent = question;
  byId("confirm-yes").textContent = label;
  dialog.showModal();
  return new Promise((resolve) => {
    byId("confirm-yes").onclick = () => { resolve(true); dialog.close(); };
    byId("confirm-no").onclick = () => dialog.close();
    dialog.onclose = () => resolve(false);
  });
}

// What is spoken: a change of state, and every tenth of the way; not every number that moves.
let spoken = "";
function speak(b, done) {
  const step = `${stateName(b.state)}, ${Math.floor(done / 10) * 10} percent`;
  if (step === spoken) return;
  spoken = step;
  byId("spoken").textContent = b.state_reason ? `${step}. ${b.state_reason}` : step;
}

class BroadcastPage {
  #id;
  #allowed;
  #way = tiles(byId("way"), WAY);
  #rest = tiles(byId("rest"), REST);
  #minutes = chart(byId("chart"), byId("chart-text"));
  #buttons = "";
  #reportIsOld = true;

  constructor(id, role) {
    this.#id = id;
    this.#allowed = ROLES.indexOf(role) >= ROLES.indexOf("marketer");
    byId("report-link").href = `/api/broadcasts/${id}/report.csv`;
    byId("problems-link").href = `/api/broadcasts/${id}/problems.csv`;
  }

  async start() {
    this.show(await persist(() => act("get_broadcast", { id: this.#id })));
    notice("");
    byId("broadcast-page").hidden = false;
    follow(this.#id, (b) => this.show(b));
    await repeat(() => this.#report(), REPORT_EVERY);
  }

  show(b) {
    const done = percent(settled(b), b.counters.total);
    this.#reportIsOld = true;
    document.title = `${b.state === "running" ? `${done} %` : stateName(b.state)} · ${b.name} · Posthorn`;
    setText(byId("name"), b.name);
    setText(byId("template"), `${b.template_name} · ${b.template_language}`);
    showState(b);
    showProgress(b, done);
    showFacts(b);
    showHint(b);
    showNumbers(this.#way, this.#rest, b);
    this.#showButtons(b);
    speak(b, done);
  }

  async #report() {
    if (!this.#reportIsOld) return;
    this.#reportIsOld = false;
    const report = await act("get_broadcast_report", { id: this.#id });
    this.#minutes(report.minutes);
    showErrors(report.errors);
  }

  async #press(button, [action, label, , question]) {
    if (button.ariaDisabled || question && !await ask(label, question)) return;
    button.ariaDisabled = "true";  // `disabled` would take the focus away
    try {
      this.show(await act(action, { id: this.#id }));
      notice("");
    } catch (error) {
      explain(error);
    }
    button.ariaDisabled = null;
  }

  #showButtons(b) {
    const wanted = this.#allowed ? BUTTONS.filter(([, , states]) => states.includes(b.state)) : [];
    const key = wanted.map(([action]) => action).join();
    if (key === this.#buttons) return;  // keeps the focus where it is
    this.#buttons = key;
    const holder = byId("buttons"), focused = holder.contains(document.activeElement);
    holder.replaceChildren(...wanted.map((spec) => {
      const button = node("button", { type: "button", class: spec[3] ? "danger" : "" }, spec[1]);
      button.addEventListener("click", () => this.#press(button, spec));
      return button;
    }));
    if (focused) (holder.firstElementChild ?? byId("name")).focus();
  }
}

export const showBroadcast = (id, role) => new BroadcastPage(id, role).start();

function showState(b) {
  setText(byId("state"), stateName(b.state));
  byId("state").className = `state st-${b.state}`;
  setText(byId("reason"), b.state_reason);
  byId("reason").hidden = !b.state_reason;
  byId("reason").classList.toggle("bad", b.state === "failed");
  byId("reason").classList.toggle("quiet", !["paused", "failed"].includes(b.state));
}

function showProgress(b, done) {
  const people = `${number(settled(b))} of ${number(b.counters.total)} recipients`;
  setText(byId("percent"), `${done} %`);
  setText(byId("settled"), people);
  byId("track").setAttribute("aria-valuenow", done);
  byId("track").setAttribute("aria-valuetext", `${done} %, ${people}`);
  byId("track").replaceChildren(bar(b));
  byId("broadcast-page").classList.toggle("empty", b.counters.total === 0);
}

function occasions(e) {
  const out = [];
  if (e.at_submission) out.push(`${number(e.at_submission)} at sending`);
  if (e.at_delivery) out.push(`${number(e.at_delivery)} at delivery`);
  return out.join(", ");
}

let shownErrors = "";
function showErrors(errors) {
  const key = JSON.stringify(errors);
  if (key === shownErrors) return;
  shownErrors = key;
  byId("errors").replaceChildren(...errors.map((e) => node("tr", {},
    node("th", { scope: "row" }, String(e.code)),
    node("td", { class: "n" }, number(e.at_submission + e.at_delivery)),
    node("td", {}, node("p", {}, e.meaning), node("p", { class: "muted" }, occasions(e))),
    node("td", {}, e.next_step))));
  byId("errors-empty").hidden = errors.length > 0;
  byId("errors-table").hidden = errors.length === 0;
}
