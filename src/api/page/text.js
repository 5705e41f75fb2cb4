// How numbers, times and lengths of time are written, and elements made. The page speaks English, so its numbers do too.
const LOCALE = "en-GB";
const DAY_AND_TIME = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const TIME = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short" });
const NUMBER = new Intl.NumberFormat(LOCALE);

export const STATES = {
  draft: "Draft", preflighting: "Checking", ready: "Ready", scheduled: "Scheduled", running: "Running",
  paused: "Paused", completed: "Completed", cancelled: "Cancelled", failed: "Failed",
};

export const byId = (id) => document.getElementById(id);
export const number = (n) => NUMBER.format(n);
export const time = (at) => TIME.format(at);
export const dayAndTime = (text) => text ? DAY_AND_TIME.format(new Date(text)) : "–";
export const stateName = (state) => STATES[state] ?? state;

// Children that are strings become text, never HTML.
export function node(tag, attributes = {}, ...children) {
  const out = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

export function svgNode(tag, attributes = {}, ...children) {
  const out = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  out.append(...children);
  return out;
}

// Touches the page only when there is something new: what a person selected stays selected, nothing is announced twice.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function duration(seconds) {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

// Everybody who needs nothing more: in a broadcast that was ended before its time, without those who were left out by that.
export function settled(b) {
  const c = b.counters;
  return c.accepted + c.rejected + c.unknown_final + c.suppressed + (endedEarly(b) ? 0 : c.cancelled + c.expired);
}

// Everybody who will not get the message because of time or a decision. Those who were never begun with keep no row of
// their own: they count as queued for ever.
export function unsent(b) {
  const c = b.counters;
  return c.cancelled + c.expired + (endedEarly(b) ? c.queued + c.deferred : 0);
}

export const endedEarly = (b) => b.state === "cancelled" || b.state === "failed";

// Rounded down: 100 only when everybody is settled.
export function percent(part, whole) {
  return whole === 0 ? 0 : Math.floor(part * 1000 / whole) / 10;
}
