// Numbers by minute as one SVG: accepted above the line as an area, delivered and read as lines, failures below it.
const NS = "http://www.w3.org/2000/svg";
const WIDTH = 720, HEIGHT = 220, LEFT = 52, RIGHT = 12, TOP = 12, BOTTOM = 26;
const SERIES = ["accepted", "delivered", "read", "failed"];
const MAX_POINTS = 120;

function element(name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Minutes without traffic are gaps in the list: they become zeros, and long runs are added up into fewer points.
function points(minutes) {
  const start = Date.parse(minutes[0].minute);
  const count = Math.round((Date.parse(minutes.at(-1).minute) - start) / 60000) + 1;
  const step = Math.ceil(count / MAX_POINTS);
  const out = Array.from({ length: Math.ceil(count / step) }, (_, i) =>
    ({ at: start + i * step * 60000, accepted: 0, delivered: 0, read: 0, failed: 0 }));
  for (const m of minutes) {
    const point = out[Math.floor(Math.round((Date.parse(m.minute) - start) / 60000) / step)];
    point.accepted += m.accepted;
    point.delivered += m.delivered;
    point.read += m.read;
    point.failed += m.rejected + m.failed;
  }
  return { out, step };
}

// A round number not below `value`, so that the axis can be read.
function ceiling(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((f) => f * power).find((n) => n >= value);
}

function axis(svg, top, y) {
  for (const share of [0, 0.5, 1]) {
    svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(top * share), y2: y(top * share), class: "grid" }));
    svg.append(element("text", { x: LEFT - 8, y: y(top * share) + 4, class: "tick end" }, Math.round(top * share).toLocaleString()));
  }
}

function times(svg, list, x) {
  const format = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const ticks = Math.min(5, list.length);
  for (let i = 0; i < ticks; ++i) {
    const at = ticks === 1 ? 0 : Math.round(i * (list.length - 1) / (ticks - 1));
    svg.append(element("text", { x: x(at), y: HEIGHT - 8, class: "tick middle" }, format.format(list[at].at)));
  }
}

export function draw(holder, minutes) {
  if (minutes.length === 0) {
    holder.replaceChildren();
    return "Nothing has been sent yet.";
  }
  const { out: list, step } = points(minutes);
  const top = ceiling(Math.max(...list.map((p) => Math.max(...SERIES.map((s) => p[s])))));
  const x = (i) => list.length === 1 ? LEFT + (WIDTH - LEFT - RIGHT) / 2 : LEFT + i * (WIDTH - LEFT - RIGHT) / (list.length - 1);
  const y = (value) => HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM) / top;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  axis(svg, top, y);
  times(svg, list, x);
  for (const name of SERIES) {
    const line = list.map((p, i) => `${x(i).toFixed(1)},${y(p[name]).toFixed(1)}`);
    if (name === "accepted") {
      const base = y(0).toFixed(1);
      svg.append(element("polygon", { points: `${x(0).toFixed(1)},${base} ${line.join(" ")} ${x(list.length - 1).toFixed(1)},${base}`, class: "area" }));
    }
    svg.append(element("polyline", { points: line.join(" "), class: `line s-${name}` }));
    if (list.length === 1) svg.append(element("circle", { cx: x(0), cy: y(list[0][name]), r: 4, class: `dot s-${name}` }));
  }
  holder.replaceChildren(svg);
  const busiest = list.reduce((a, b) => b.accepted > a.accepted ? b : a);
  const unit = step === 1 ? "minute" : `${step} minutes`;
  return `Most accepted in one ${unit}: ${busiest.accepted.toLocaleString()}, at ${new Date(busiest.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })}.`;
}
