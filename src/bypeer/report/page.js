// The page's behaviour: the picture's controls, copy buttons, the list of connections.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const NARROWEST = 1_000; // ns: the closest look
const PAGE = 50; // rows of the list that are shown at first, and more at a time

/** An element with text; nothing is ever read as markup. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Copying

async function copy(button) {
  const from = byId(button.dataset.copy);
  let done = true;
  try {
    await navigator.clipboard.writeText(from.textContent);
  } catch { // not allowed to: leave it selected for the person's own Ctrl-C
    getSelection().selectAllChildren(from);
    done = document.execCommand("copy");
  }
  const label = button.firstElementChild;
  label.textContent = done ? "Copied" : "Press Ctrl-C";
  say(label.textContent);
  setTimeout(() => { label.textContent = "Copy"; }, 2_000);
}

// The picture

const charts = new Map(); // by picture id
let chart = null;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: of("paper"), ink: of("ink"), muted: of("muted"), grid: of("grid"), accent: of("accent"), bound: of("bound"),
    dark: of("dark") === "1", font: "12px system-ui, sans-serif", bold: "bold 13px system-ui, sans-serif",
  };
}

async function opened(picture) {
  const { marks, bounds } = await unpacked(picture, data.kinds.map((kind) => kind.name));
  const [from, to] = [Math.min(picture.began, picture.focus[0]), Math.max(picture.ended, picture.focus[1])];
  const margin = Math.max((to - from) * 0.01, NARROWEST);
  const whole = { from: from - margin, to: to + margin };
  return {
    picture, marks, bounds, kinds: data.kinds, hidden: new Set(), moments: picture.moments, chosen: -1, chips: [],
    origin: BigInt(picture.origin), whole, view: stretch(whole, ...picture.focus),
    heaps: heaps(marks, bounds), images: [], sprites: new Map(),
    canvas: byId("canvas"), pen: byId("canvas").getContext("2d", { alpha: false }),
  };
}

/** What ranges are found by; the bounds' are those of the lower panel. */
function heaps(marks, bounds) {
  const columns = { low: marks.low, end: marks.end, behind: marks.behind, lower: bounds.behind, upper: bounds.ahead };
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, heaped(column)]));
}

function resize() {
  if (!chart) return;
  const box = byId("plot");
  const width = Math.max(box.clientWidth, 320), height = Math.max(Math.min(0.72 * innerHeight, 760), 480);
  const dense = Math.min(devicePixelRatio || 1, 2);
  chart.canvas.width = Math.round(width * dense);
  chart.canvas.height = Math.round(height * dense);
  chart.canvas.style.height = `${height}px`;
  Object.assign(chart, { width, height, dense }, colours());
  draw(chart);
}

let waiting = 0;
function redraw() {
  hideTip();
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; draw(chart); });
}

/** A stretch of time, within the whole and not closer than the closest look. */
function stretch(whole, from, to) {
  const wide = Math.min(Math.max(to - from, NARROWEST), whole.to - whole.from);
  const start = Math.min(Math.max((from + to - wide) / 2, whole.from), whole.to - wide);
  return { from: start, to: start + wide };
}

function look(from, to) {
  chart.view = stretch(chart.whole, from, to);
  redraw();
}

function zoom(factor, at = (chart.view.from + chart.view.to) / 2) {
  const { from, to } = chart.view;
  const wide = Math.min(Math.max((to - from) * factor, NARROWEST), chart.whole.to - chart.whole.from);
  const left = at - ((at - from) / (to - from)) * wide;
  look(left, left + wide);
}

function pan(share) {
  const step = (chart.view.to - chart.view.from) * share;
  look(chart.view.from + step, chart.view.to + step);
}

const showWhole = () => look(chart.whole.from, chart.whole.to);
const showFocus = () => look(...chart.picture.focus);

/** Zooms to an event: so close that it is clear of its neighbours, and the nearest is still to be seen. */
function choose(at) {
  if (!chart.moments.length) return;
  chart.chosen = (at + chart.moments.length) % chart.moments.length;
  const one = chart.moments[chart.chosen];
  const gaps = chart.moments.map((other) => Math.abs(other.ts - one.ts)).filter((gap) => gap > 0);
  const [from, to] = chart.picture.focus;
  const half = Math.max(Math.min(1.5 * Math.min(...gaps), (to - from) / 4), 20 * NARROWEST);
  look(one.ts - half, one.ts + half);
  for (const row of document.querySelectorAll("tr[aria-current]")) row.removeAttribute("aria-current");
  byId(`event-${chart.picture.id}-${chart.chosen}`)?.setAttribute("aria-current", "true");
  say(`${one.letter}: ${clock(chart.origin + BigInt(one.ts))} UTC. ${one.text}`);
}

const say = (text) => { byId("said").textContent = text; };

/** The next event in time from the chosen one, or from the middle of the view. */
function following(way) {
  const { moments, chosen, view } = chart;
  if (chosen >= 0) return choose(chosen + way);
  const middle = (view.from + view.to) / 2;
  const next = moments.findIndex((one) => one.ts >= middle);
  return choose(way > 0 ? Math.max(next, 0) : (next < 0 ? moments.length : next) - 1);
}

async function open(id) {
  const picture = data.pictures.find((one) => one.id === id);
  if (!charts.has(id)) charts.set(id, await opened(picture));
  chart = charts.get(id);
  for (const part of document.querySelectorAll("[data-of]")) part.hidden = part.dataset.of !== id;
  byId("which").textContent = `${picture.title}, data ${picture.direction}`;
  byId("picture-note").textContent = picture.note;
  const choice = byId("choice");
  if (choice) choice.value = id;
  legend();
  resize();
}

// The legend

function legend() {
  const { marks, bounds } = chart;
  const items = data.kinds
    .map((kind, at) => [kind.name, kind.text, marks.start[at + 1] - marks.start[at], kind])
    .filter(([, , count]) => count);
  const some = (values) => values.some((value) => !Number.isNaN(value));
  if (some(bounds.lower)) items.push(["lower", "conntrack's lower bound: below is too late", 0, null]);
  if (some(bounds.upper)) items.push(["upper", "conntrack's upper bound: above is beyond the window", 0, null]);
  byId("legend").replaceChildren(element("legend", {}, "Shown"), ...items.map(item));
}

function item([name, text, count, kind]) {
  const box = element("input", { type: "checkbox", "data-kind": name });
  box.checked = !chart.hidden.has(name);
  box.addEventListener("change", () => {
    if (box.checked) chart.hidden.delete(name); else chart.hidden.add(name);
    redraw();
  });
  const sheet = element("canvas", { width: 44, height: 44, "aria-hidden": "true" });
  const pen = sheet.getContext("2d"), now = colours();
  pen.scale(2, 2);
  pen.translate(11, 11);
  if (kind) shape(pen, kind, kind[now.dark ? "dark" : "light"], now.paper);
  else {
    pen.strokeStyle = now.bound;
    pen.lineWidth = 2;
    pen.setLineDash(name === "upper" ? [6, 4] : []);
    line(pen, -11, 0, 11, 0);
  }
  return element("label", {}, box, sheet, text, ...(count ? [element("span", { class: "count" }, grouped3(count))] : []));
}

// The pointer

function tipText({ row, kind }) {
  const { marks, picture, origin } = chart;
  const unseen = (frame) => (frame ? `frame ${frame}` : "not seen");
  const low = marks.low[row], size = marks.end[row] - low, behind = marks.behind[row], at = marks.rows[row];
  const lag = behind > 0 ? `${octets(behind)} octets behind the newest data` : behind < 0 ? `${octets(-behind)} octets beyond the newest data` : "the newest data";
  return [
    data.kinds[kind].text,
    `${clock(origin + BigInt(Math.round(marks.ts[row])))} UTC`,
    `outside ${unseen(marks.outside[at])}, inside ${unseen(marks.inside[at])}`,
    size ? `octets ${octets(low)} to ${octets(low + size)} (${octets(size)})` : `at octet ${octets(low)}`,
    ...(FLAT.has(data.kinds[kind].name) ? [] : [lag]),
    ...(marks.note[at] < picture.notes.length ? [picture.notes[marks.note[at]]] : []),
  ];
}

const hideTip = () => { byId("tip").hidden = byId("halo").hidden = true; };

function hover(event) {
  const found = nearest(chart, ...place(event));
  if (!found) return hideTip();
  const tip = byId("tip"), halo = byId("halo");
  tip.replaceChildren(...tipText(found).map((text) => element("div", {}, text)));
  tip.hidden = halo.hidden = false;
  halo.style.left = `${found.x}px`;
  halo.style.top = `${found.y}px`;
  const right = found.x > chart.width / 2, low = found.y > chart.height / 2;
  tip.style.left = right ? "auto" : `${found.x + 14}px`;
  tip.style.right = right ? `${chart.width - found.x + 14}px` : "auto";
  tip.style.top = low ? "auto" : `${found.y + 14}px`;
  tip.style.bottom = low ? `${chart.height - found.y + 14}px` : "auto";
}

function place(event) {
  const box = chart.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

const timeAt = (x) => chart.view.from + ((x - LEFT) / chart.panels[0].width) * (chart.view.to - chart.view.from);
const chipAt = (x, y) => chart.chips.find((one) => x >= one.x && x <= one.x + CHIP && y >= one.y && y <= one.y + CHIP);

let drag = null; // where it began, and what was shown

function pressed(event) {
  if (event.button !== 0) return;
  drag = { x: place(event)[0], y: place(event)[1], view: chart.view, pans: event.shiftKey };
  byId("plot").setPointerCapture(event.pointerId);
}

function moved(event) {
  if (!drag) return hover(event);
  const [x] = place(event);
  if (drag.pans) {
    const step = ((drag.x - x) / chart.panels[0].width) * (drag.view.to - drag.view.from);
    return look(drag.view.from + step, drag.view.to + step);
  }
  const band = byId("band"), [from, to] = [Math.min(x, drag.x), Math.max(x, drag.x)];
  band.hidden = to - from < 4;
  band.style.left = `${from}px`;
  band.style.width = `${to - from}px`;
}

function released(event) {
  if (!drag) return;
  const { x: start, y, pans } = drag, [x] = place(event);
  drag = null;
  byId("band").hidden = true;
  if (pans) return;
  if (Math.abs(x - start) >= 4) return look(timeAt(Math.min(start, x)), timeAt(Math.max(start, x)));
  const chip = chipAt(x, y);
  if (chip) choose(chip.at);
}

function wheeled(event) {
  const { view, whole } = chart;
  const out = event.deltaY > 0;
  if (out && view.to - view.from >= whole.to - whole.from) return; // nothing to zoom: the page scrolls on
  event.preventDefault();
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return pan(Math.sign(event.deltaX || event.deltaY) * 0.1);
  zoom(Math.exp(Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 120) * 0.0025), timeAt(place(event)[0]));
}

// The keyboard, for the picture and what belongs to it

const DO = {
  whole: showWhole, focus: showFocus, closer: () => zoom(0.5), wider: () => zoom(2), left: () => pan(-0.2), right: () => pan(0.2),
  next: () => following(1), previous: () => following(-1), help: () => byId("help").showModal(),
};
const KEYS = {
  0: "whole", f: "focus", "+": "closer", "=": "closer", "-": "wider", n: "next", p: "previous", "?": "help",
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "closer", ArrowDown: "wider",
};

function typed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, dialog")) return;
  const what = KEYS[event.key];
  if (!what || (event.key.startsWith("Arrow") && event.target.id !== "plot")) return;
  event.preventDefault();
  DO[what]();
}

async function startPicture() {
  const plot = byId("plot");
  byId("picture-live").hidden = false;
  plot.addEventListener("wheel", wheeled, { passive: false });
  plot.addEventListener("pointerdown", pressed);
  plot.addEventListener("pointermove", moved);
  plot.addEventListener("pointerup", released);
  plot.addEventListener("pointercancel", () => { drag = null; byId("band").hidden = true; });
  plot.addEventListener("pointerleave", hideTip);
  plot.addEventListener("dblclick", showWhole);
  byId("picture").addEventListener("keydown", typed);
  byId("choice")?.addEventListener("change", (event) => open(event.target.value));
  addEventListener("resize", resize);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { resize(); legend(); });
  const printed = (on) => () => { document.documentElement.toggleAttribute("data-print", on); resize(); };
  addEventListener("beforeprint", printed(true)); // paper is white
  addEventListener("afterprint", printed(false));
  try {
    await open(data.pictures[0].id);
  } catch (error) { // all else on the page is text, and stays
    byId("picture-live").hidden = true;
    byId("picture-failed").hidden = false;
    throw error;
  }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

// The list of connections: all of it stands in the page; what does not fit is hidden.

function startList(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  const field = byId("list-filter"), more = byId("list-more"), told = byId("list-told");
  let most = PAGE;
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let found = 0;
    for (const [row, text] of rows) {
      const fits = words.every((word) => text.includes(word));
      row.hidden = !fits || found >= most;
      found += fits;
    }
    more.hidden = found <= most;
    told.textContent = `${grouped3(Math.min(found, most))} of ${grouped3(found)} shown`;
  };
  field.addEventListener("input", () => { most = PAGE; show(); });
  more.addEventListener("click", () => { most += 10 * PAGE; show(); });
  byId("list-tools").hidden = false;
  show();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button);
  else if (button.dataset.do) DO[button.dataset.do]();
  else if (button.dataset.moment) { choose(Number(button.dataset.moment)); byId("picture").scrollIntoView(); }
  else if (button.dataset.open) { open(button.dataset.open); byId("picture").scrollIntoView(); }
});
for (const part of document.querySelectorAll("button.copy, button.show")) part.hidden = false;
if (byId("list")) startList(byId("list"));
if (data.pictures.length) await startPicture();
