// The progress bar, and the numbers by minute: columns for a short broadcast, lines for a long one.
import { number, svgNode, time, unsent } from "/page/text.js";

const HEIGHT = 220, LEFT = 56, RIGHT = 22, TOP = 12, BOTTOM = 26, NARROWEST = 260;
const SERIES = ["accepted", "delivered", "read", "failed"];
const MAX_POINTS = 120;
const MAX_COLUMNS = 16;  // with more minutes than this, lines say more than columns

// Everybody who is settled, by how far the message has come.
export function bar(b) {
  const c = b.counters;
  const arrived = Math.max(c.delivered, c.read);
  const shares = [
    ["k-read", c.read], ["k-delivered", arrived - c.read], ["k-accepted", Math.max(0, c.accepted - arrived - c.failed)],
    ["k-failed", c.rejected + c.failed + c.unknown_final], ["k-unsent", c.suppressed + unsent(b)],
  ];
  let x = 0;
  const rects = shares.filter(([, share]) => share > 0).map(([kind, share]) => {
    const width = c.total ? share * 100 / c.total : 0;
    const rect = svgNode("rect", { x, y: 0, width, height: 1, class: kind });
    x += width;
    return rect;
  });
  return svgNode("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, ...rects);
}

// Minutes without traffic are gaps in the list: they become zeros, and long runs are added up into fewer points.
function points(minutes) {
  const start = Date.parse(minutes[0].minute);
  const count = Math.round((Date.parse(minutes.at(-1).minute) - start) / 60000) + 1;
  const step = Math.ceil(count / MAX_POINTS);
  const list = Array.from({ length: Math.ceil(count / step) }, (_, i) =>
    ({ at: start + i * step * 60000, accepted: 0, delivered: 0, read: 0, failed: 0 }));
  for (const m of minutes) {
    const point = list[Math.floor(Math.round((Date.parse(m.minute) - start) / 60000) / step)];
    point.accepted += m.accepted;
    point.delivered += m.delivered;
    point.read += m.read;
    point.failed += m.rejected + m.failed;
  }
  return { list, step };
}

// A round number not below `value`, so that the axis can be read.
function ceiling(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((f) => f * power).find((n) => n >= value);
}

function axis(svg, width, top, y) {
  for (const share of [0, 0.5, 1]) {
    svg.append(svgNode("line", { x1: LEFT, x2: width - RIGHT, y1: y(top * share), y2: y(top * share), class: "grid" }));
    svg.append(svgNode("text", { x: LEFT - 8, y: y(top * share) + 4, class: "tick end" }, number(top * share)));
  }
}

function times(svg, width, list, x) {
  const ticks = Math.min(Math.max(2, Math.floor(width / 130)), list.length);
  for (let i = 0; i < ticks; ++i) {
    const at = ticks === 1 ? 0 : Math.round(i * (list.length - 1) / (ticks - 1));
    svg.append(svgNode("text", { x: x(at), y: HEIGHT - 8, class: "tick middle" }, time(list[at].at)));
  }
}

function columns(svg, list, x, y, room) {
  const wide = Math.min(40, room * 0.8 / SERIES.length);
  list.forEach((p, i) => SERIES.forEach((name, n) => {
    const left = x(i) + (n - SERIES.length / 2) * wide;
    const height = p[name] ? Math.max(1.5, y(0) - y(p[name])) : 0;
    svg.append(svgNode("rect", { x: left + 1, y: y(0) - height, width: wide - 2, height, rx: Math.min(2, wide / 6), class: `c-${name}` },
      svgNode("title", {}, `${time(p.at)}: ${number(p[name])} ${name}`)));
  }));
}

function lines(svg, list, x, y) {
  for (const name of SERIES) {
    const line = list.map((p, i) => `${x(i).toFixed(1)},${y(p[name]).toFixed(1)}`);
    if (name === "accepted") {
      const base = y(0).toFixed(1);
      svg.append(svgNode("polygon", { points: `${x(0).toFixed(1)},${base} ${line.join(" ")} ${x(list.length - 1).toFixed(1)},${base}`, class: "area" }));
    }
    svg.append(svgNode("polyline", { points: line.join(" "), class: `line s-${name}` }));
  }
}

function draw(width, list) {
  const inner = width - LEFT - RIGHT, few = list.length <= MAX_COLUMNS;
  const top = ceiling(Math.max(...list.map((p) => Math.max(...SERIES.map((s) => p[s])))));
  const y = (value) => HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / top;
  const room = inner / list.length;
  const x = few ? (i) => LEFT + (i + 0.5) * room : (i) => LEFT + i * inner / (list.length - 1);
  const svg = svgNode("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" });
  axis(svg, width, top, y);
  times(svg, width, list, x);
  if (few) columns(svg, list, x, y, room);
  else lines(svg, list, x, y);
  return svg;
}

function summary({ list, step }) {
  const busiest = list.reduce((a, b) => b.accepted > a.accepted ? b : a);
  if (busiest.accepted === 0) return "Nothing has been accepted yet.";
  return `Most accepted in ${step === 1 ? "one minute" : `${step} minutes`}: ${number(busiest.accepted)}, at ${time(busiest.at)}.`;
}

// Keeps a chart in `holder` and its summary in `text`; the result takes new minutes. Drawn in the pixels that there
// are, so that its words have the same size on a phone.
export function chart(holder, text) {
  let shown = null, key = "";
  const redraw = () => {
    if (shown) holder.replaceChildren(draw(Math.max(NARROWEST, holder.clientWidth), shown.list));
  };
  new ResizeObserver(redraw).observe(holder);
  return (minutes) => {
    const now = JSON.stringify(minutes);
    if (now === key || minutes.length === 0) return;
    key = now;
    shown = points(minutes);
    text.textContent = summary(shown);
    redraw();
  };
}
