// The list of broadcasts.
import { act, notice, repeat } from "/page/server.js";
import { byId, dayAndTime, node, number, percent, settled, stateName } from "/page/text.js";
import { bar } from "/page/chart.js";

const EVERY = 3000;
const SHOWN = 50;

function summary(b) {
  if (b.counters.total === 0) return `${b.template_name} · made ${dayAndTime(b.created_at)}`;
  const planned = b.start_at && !b.started_at ? `planned for ${dayAndTime(b.start_at)}` : dayAndTime(b.started_at ?? b.created_at);
  return `${percent(settled(b), b.counters.total)} % of ${number(b.counters.total)} · ${number(b.counters.delivered)} delivered · ${planned}`;
}

function card(b) {
  const title = node("h2", {}, node("a", { href: `/broadcasts/${b.id}` }, b.name));
  const state = node("span", { class: `state st-${b.state}` }, stateName(b.state));
  const out = node("li", { class: "panel" }, node("div", { class: "title" }, title, state), node("p", { class: "muted" }, summary(b)));
  if (b.counters.total) {
    const track = node("div", { class: "track thin" }, bar(b));
    out.append(track);
  }
  return out;
}

// The link that had the focus has it again after the list was made anew.
function replaceCards(broadcasts) {
  const focused = document.activeElement?.getAttribute("href");
  byId("list").replaceChildren(...broadcasts.map(card));
  if (focused) byId("list").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

export async function showList() {
  document.title = "Broadcasts · Posthorn";
  let last = "";
  await repeat(async () => {
    const { broadcasts } = await act("list_broadcasts", { limit: SHOWN });
    const now = JSON.stringify(broadcasts);
    if (now !== last) replaceCards(broadcasts);
    last = now;
    byId("list-page").hidden = false;
    byId("list-empty").hidden = broadcasts.length > 0;
    byId("list-more").hidden = broadcasts.length < SHOWN;
    notice("");
  }, EVERY);
}
