// Draws a picture: what is common as pixels, what is rare as shapes on top, lines, axes and letters.

const LEFT = 100, RIGHT = 18, BAND = 40, GAP = 34, FOOT = 50; // CSS pixels round the two panels
const PAD = 10; // pixels round a panel's image, so that a dot at its edge needs no test
const BULK = 4; // kinds before this one are common
const FLAT = new Set(["ack", "window", "sack"]); // not drawn in the lower panel
const CHIP = 20; // a letter's box

/** The two panels of a canvas of that size. */
function panels(width, height) {
  const room = height - BAND - GAP - FOOT;
  const upper = { left: LEFT, width: width - LEFT - RIGHT, top: BAND, height: Math.round(room * 0.66) };
  return [upper, { ...upper, top: BAND + upper.height + GAP, height: room - upper.height }];
}

/** First and last row of a kind in the view. */
function rowsOf(chart, kind) {
  const { ts, start } = chart.marks;
  const first = bisect(ts, start[kind], start[kind + 1], chart.view.from);
  return [first, bisect(ts, first, start[kind + 1], chart.view.to + 1)];
}

const NOTHING = [Infinity, -Infinity];
const both = (one, other) => [Math.min(one[0], other[0]), Math.max(one[1], other[1])];

/** Least and greatest of what the kinds' rows span, of columns summed up by `heaped`. */
function extent(chart, kinds, low, high) {
  return kinds.reduce((found, kind) => {
    const rows = rowsOf(chart, kind);
    return both(found, [leastOf(low, ...rows), greatestOf(high, ...rows)]);
  }, NOTHING);
}

/** Rows of the bounds in the view, and the one that holds when it begins. */
function boundRows(chart) {
  const { ts } = chart.bounds;
  const first = Math.max(bisect(ts, 0, ts.length, chart.view.from + 1) - 1, 0);
  return [first, bisect(ts, first, ts.length, chart.view.to + 1)];
}

function boundExtent(chart, name) {
  if (chart.hidden.has(name)) return NOTHING;
  const rows = boundRows(chart), column = chart.heaps[name];
  return [leastOf(column, ...rows), greatestOf(column, ...rows)];
}

/** The ranges of both panels, from what is visible. */
function fitted(chart) {
  const { low, end, behind } = chart.heaps;
  const shown = chart.kinds.map((_, kind) => kind).filter((kind) => !chart.hidden.has(chart.kinds[kind].name));
  const named = (test) => shown.filter((kind) => test(chart.kinds[kind].name));
  const extra = (name) => name === "window" || name.startsWith("rst-");
  const upper = range(extent(chart, named((name) => !extra(name)), low, end), extent(chart, named(extra), low, low), 2.5);
  const near = extent(chart, named((name) => !extra(name) && !FLAT.has(name)), behind, behind);
  const resets = extent(chart, named((name) => name.startsWith("rst-")), behind, behind);
  const core = both(both(near[0] > near[1] ? resets : near, boundExtent(chart, "lower")), [0, 0]);
  return [upper, range(core, both(boundExtent(chart, "upper"), resets), 1.6)];
}

const pixel = (colour) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
};

/** An image for a panel, kept as long as its size does. */
function imageOf(chart, which) {
  const { width, height } = chart.panels[which];
  const across = Math.round(width * chart.dense) + 2 * PAD, down = Math.round(height * chart.dense) + 2 * PAD;
  let image = chart.images[which];
  if (!image || image.data.width !== across || image.data.height !== down) {
    const data = new ImageData(across, down);
    image = chart.images[which] = { data, pixels: new Uint32Array(data.data.buffer), sheet: new OffscreenCanvas(across, down) };
  }
  image.pixels.fill(0);
  return image;
}

/** Common marks as dots or strokes of pixels; `top` is the value at the upper edge, `down` pixels an octet. */
function plotBulk(chart, image, kind, low, spans, top, down) {
  const [first, last] = rowsOf(chart, kind);
  const { ts, end: ends } = chart.marks, { pixels, data: { width, height } } = image;
  const colour = pixel(colourOf(chart, kind)), from = chart.view.from;
  const across = (width - 2 * PAD - 1) / (chart.view.to - from);
  const dash = chart.kinds[kind].shape === "dash";
  const thick = last - first > 5_000 ? 1.6 : last - first > 500 ? 2.6 : 4; // CSS pixels: the fewer, the larger
  const wide = Math.round((dash ? 4 : thick) * chart.dense), high = dash ? Math.round(chart.dense) : wide;
  const bottom = height - high;
  for (let row = first, before = -1; row < last; row++) {
    const y = (top - low[row]) * down + PAD;
    const tall = spans ? (ends[row] - low[row]) * down : 0;
    if (!(y > -tall && y < bottom + tall)) continue;
    const x = ((ts[row] - from) * across + PAD) | 0;
    if (tall < 1.5) {
      if (y < 0 || y >= bottom) continue;
      const at = (y | 0) * width + x;
      if (at === before) continue;
      before = at;
      for (let line = at; line < at + high * width; line += width) {
        for (let one = line; one < line + wide; one++) pixels[one] = colour;
      }
      continue;
    }
    for (let line = Math.max(0, (y - tall) | 0), end = Math.min(bottom, y | 0); line <= end; line++) {
      const at = line * width + x;
      for (let one = at; one < at + wide; one++) pixels[one] = colour;
    }
  }
}

const colourOf = (chart, kind) => chart.kinds[kind][chart.dark ? "dark" : "light"];

/** The lines of a shape, round 0, as wide as 2. */
const SHAPES = {
  "triangle-up": [[0, -1], [1, 0.8], [-1, 0.8]],
  "triangle-down": [[0, 1], [1, -0.8], [-1, -0.8]],
  diamond: [[0, -1], [1, 0], [0, 1], [-1, 0]],
  square: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  star: Array.from({ length: 10 }, (_, at) => {
    const far = at % 2 ? 0.42 : 1, turn = (at * Math.PI) / 5;
    return [far * Math.sin(turn), -far * Math.cos(turn)];
  }),
};

/** A kind's shape with its middle at the canvas's present origin; a rim sets it off from what lies below. */
function shape(pen, look, colour, rim) {
  const half = look.size / 2;
  pen.lineJoin = "round";
  const strokes = { cross: 2, "big-x": 3.4, ring: 2.6 }[look.shape];
  pen.beginPath();
  if (look.shape === "ring") pen.arc(0, 0, half, 0, 2 * Math.PI);
  else if (strokes) {
    pen.moveTo(-half, -half); pen.lineTo(half, half);
    pen.moveTo(half, -half); pen.lineTo(-half, half);
  } else if (look.shape === "dash") pen.rect(-5, -1, 10, 2);
  else if (look.shape === "dot") pen.arc(0, 0, Math.max(half, 3), 0, 2 * Math.PI);
  else {
    for (const [x, y] of SHAPES[look.shape]) pen.lineTo(x * half, y * half);
    pen.closePath();
  }
  pen.strokeStyle = rim;
  pen.lineWidth = (strokes ?? 0) + 2;
  pen.stroke();
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = strokes ?? 0;
  if (strokes) pen.stroke(); else pen.fill();
}

/** The same as a small image. */
function spriteOf(chart, kind) {
  const look = chart.kinds[kind], key = `${kind} ${chart.dark} ${chart.dense}`;
  if (!chart.sprites.has(key)) {
    const side = Math.ceil((look.size + 6) * chart.dense);
    const sheet = new OffscreenCanvas(side, side), pen = sheet.getContext("2d");
    pen.translate(side / 2, side / 2);
    pen.scale(chart.dense, chart.dense);
    shape(pen, look, colourOf(chart, kind), chart.paper);
    chart.sprites.set(key, sheet);
  }
  return chart.sprites.get(key);
}

/** Rare marks: one shape for all that lie within a third of its size. What is out of range lies at the edge. */
function plotRare(chart, panel, kind, low, spans) {
  const [first, last] = rowsOf(chart, kind);
  if (first === last) return;
  const sprite = spriteOf(chart, kind), side = sprite.width / chart.dense, cell = Math.max(chart.kinds[kind].size / 3, 2);
  const { ts, end } = chart.marks, seen = new Set();
  for (let row = first; row < last; row++) {
    const x = xOf(chart, ts[row]);
    const low1 = yOf(panel, low[row]), high1 = spans ? yOf(panel, end[row]) : low1;
    const y = Math.min(Math.max((low1 + high1) / 2, panel.top), panel.top + panel.height);
    const key = Math.round(x / cell) * 65536 + Math.round(y / cell);
    if (seen.has(key)) continue;
    seen.add(key);
    if (Math.abs(low1 - high1) > 3) {
      chart.pen.fillStyle = colourOf(chart, kind);
      chart.pen.fillRect(x - 0.75, Math.min(low1, high1), 1.5, Math.abs(low1 - high1));
    }
    chart.pen.drawImage(sprite, x - side / 2, y - side / 2, side, side);
  }
}

const xOf = (chart, ts) => LEFT + ((ts - chart.view.from) / (chart.view.to - chart.view.from)) * chart.panels[0].width;
const yOf = (panel, value) => panel.top + ((panel.high - value) / (panel.high - panel.low)) * panel.height;

function inside(chart, panel, paint) {
  const { pen } = chart;
  pen.save();
  pen.beginPath();
  pen.rect(panel.left, panel.top, panel.width, panel.height);
  pen.clip();
  paint(pen);
  pen.restore();
}

/** A bound as a line of steps; of several in a pixel's width the last. */
function plotBound(chart, panel, values, dashes) {
  const [first, last] = boundRows(chart), { ts } = chart.bounds;
  const perPixel = (chart.view.to - chart.view.from) / panel.width;
  inside(chart, panel, (pen) => {
    pen.strokeStyle = chart.bound;
    pen.lineWidth = 1.6;
    pen.setLineDash(dashes);
    pen.beginPath();
    let before = NaN;
    for (let row = first, next; row < last; row = next) {
      next = bisect(ts, row + 1, last, ts[row] + perPixel);
      const x = Math.max(xOf(chart, ts[row]), LEFT), y = yOf(panel, values[next - 1]);
      if (Number.isNaN(before)) pen.moveTo(x, y); else { pen.lineTo(x, before); pen.lineTo(x, y); }
      before = y;
    }
    if (!Number.isNaN(before)) pen.lineTo(panel.left + panel.width, before);
    pen.stroke();
  });
}

function axes(chart) {
  const { pen, panels: [upper, lower] } = chart;
  const right = LEFT + upper.width, foot = lower.top + lower.height;
  pen.font = chart.font;
  pen.lineWidth = 1;
  const time = timeTicks(chart.view.from, chart.view.to, chart.origin, Math.max(upper.width / 90, 2));
  for (const [at, value] of time.values.entries()) {
    const x = Math.round(xOf(chart, value)) + 0.5;
    pen.strokeStyle = chart.grid;
    for (const panel of chart.panels) line(pen, x, panel.top, x, panel.top + panel.height);
    words(chart, time.labels[at], x, foot + 16, "center");
  }
  for (const panel of chart.panels) {
    const ticks = octetTicks(Math.min(panel.low, panel.high), Math.max(panel.low, panel.high), Math.max(panel.height / 42, 2));
    for (const [at, value] of ticks.values.entries()) {
      const y = Math.round(yOf(panel, value)) + 0.5;
      pen.strokeStyle = panel === lower && value === 0 ? chart.muted : chart.grid;
      line(pen, LEFT, y, right, y);
      const label = panel === lower && value < 0 ? `${ticks.labels[at].slice(1)} ahead` : ticks.labels[at];
      words(chart, label, LEFT - 8, y + 4, "right");
    }
    pen.strokeStyle = chart.muted;
    pen.strokeRect(panel.left + 0.5, panel.top + 0.5, panel.width, panel.height);
  }
  words(chart, time.title, LEFT, foot + 34, "left", chart.muted);
  words(chart, `${span(chart.view.to - chart.view.from)} shown of ${span(chart.whole.to - chart.whole.from)}`, right, foot + 34, "right", chart.muted);
  words(chart, "octets behind the newest data: what comes late lies low", LEFT, lower.top - 10, "left", chart.muted);
  overview(chart, foot + 42);
}

function line(pen, x, y, toX, toY) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(toX, toY);
  pen.stroke();
}

function words(chart, text, x, y, align, colour = chart.ink) {
  chart.pen.textAlign = align;
  chart.pen.fillStyle = colour;
  chart.pen.fillText(text, x, y);
}

/** Where in the whole the view lies. */
function overview(chart, y) {
  const { pen, view, whole, panels: [{ width }] } = chart;
  const place = (ts) => ((ts - whole.from) / (whole.to - whole.from)) * width;
  const from = Math.max(place(view.from), 0), size = Math.max(Math.min(place(view.to), width) - from, 3);
  pen.fillStyle = chart.grid;
  pen.fillRect(LEFT, y, width, 4);
  pen.fillStyle = chart.accent;
  pen.fillRect(LEFT + Math.min(from, width - 3), y, size, 4);
}

/** Letters in a band above, joined to their points by thin lines; their boxes are kept for the pointer. */
function letters(chart) {
  const { pen, panels: [upper, lower], view } = chart;
  const shown = chart.moments.map((one, at) => ({ ...one, at })).filter((one) => one.ts >= view.from && one.ts <= view.to);
  const places = spread(shown.map((one) => xOf(chart, one.ts) - LEFT), CHIP + 4, upper.width);
  chart.chips = [];
  pen.font = chart.bold;
  for (const [turn, one] of shown.entries()) {
    const x = xOf(chart, one.ts), chip = LEFT + places[turn];
    const middle = one.low === null ? upper.top + upper.height : yOf(upper, one.low + one.size / 2);
    const y = Math.min(Math.max(middle, upper.top), upper.top + upper.height);
    const chosen = one.at === chart.chosen;
    pen.strokeStyle = chosen ? chart.accent : chart.muted;
    pen.lineWidth = chosen ? 1.6 : 1;
    pen.setLineDash(one.low === null ? [2, 3] : []);
    line(pen, chip, BAND - 8, x, y);
    pen.setLineDash([]);
    if (chosen) line(pen, x, upper.top, x, lower.top + lower.height);
    chart.chips.push({ at: one.at, x: chip - CHIP / 2, y: BAND - 8 - CHIP });
  }
  for (const { at, x, y } of chart.chips) {
    const chosen = at === chart.chosen;
    pen.fillStyle = chosen ? chart.accent : chart.paper;
    pen.strokeStyle = chosen ? chart.accent : chart.ink;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(x + 0.5, y + 0.5, CHIP, CHIP, 4);
    pen.fill();
    pen.stroke();
    words(chart, chart.moments[at].letter, x + CHIP / 2 + 0.5, y + CHIP - 5, "center", chosen ? chart.paper : chart.ink);
  }
}

/** Everything, for the view that the chart has. */
function draw(chart) {
  const began = performance.now();
  const { canvas, pen, dense } = chart;
  chart.panels = panels(chart.width, chart.height);
  const ranges = fitted(chart);
  const [upper, lower] = chart.panels;
  [upper.low, upper.high] = ranges[0];
  [lower.high, lower.low] = ranges[1]; // what lies behind lies low
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.fillStyle = chart.paper;
  pen.fillRect(0, 0, chart.width, chart.height);
  axes(chart);
  const { low, behind } = chart.marks;
  for (const [which, panel] of chart.panels.entries()) {
    const drawn = (kind) => !chart.hidden.has(chart.kinds[kind].name) && !(which && FLAT.has(chart.kinds[kind].name));
    const values = which ? behind : low, image = imageOf(chart, which);
    const down = (panel.height * dense) / (panel.high - panel.low);
    for (let kind = 0; kind < BULK; kind++) if (drawn(kind)) plotBulk(chart, image, kind, values, !which, panel.high, down);
    image.sheet.getContext("2d").putImageData(image.data, 0, 0);
    const pad = PAD / dense;
    inside(chart, panel, () => pen.drawImage(image.sheet, panel.left - pad, panel.top - pad, image.data.width / dense, image.data.height / dense));
    bounds(chart, panel, which);
    for (let kind = BULK; kind < chart.kinds.length; kind++) if (drawn(kind)) plotRare(chart, panel, kind, values, !which);
  }
  letters(chart);
  canvas.dataset.view = JSON.stringify({ ...chart.view, panels: chart.panels, chips: chart.chips.map(({ x }) => x), ms: performance.now() - began });
}

/** Conntrack's bounds, in one panel. */
function bounds(chart, panel, which) {
  const { lower, upper, behind, ahead } = chart.bounds;
  if (!chart.hidden.has("lower")) plotBound(chart, panel, which ? behind : lower, []);
  if (!chart.hidden.has("upper")) plotBound(chart, panel, which ? ahead : upper, [6, 4]);
}

/** The mark next to a place, at most 14 pixels away; a rare one is preferred. */
function nearest(chart, x, y) {
  const which = y < chart.panels[1].top - GAP / 2 ? 0 : 1, panel = chart.panels[which], { marks } = chart;
  const values = which ? marks.behind : marks.low;
  const perPixel = (chart.view.to - chart.view.from) / panel.width, reach = 14;
  const ts = chart.view.from + (x - LEFT) * perPixel;
  let best = null, least = reach * reach;
  for (let kind = 0; kind < chart.kinds.length; kind++) {
    const { name } = chart.kinds[kind];
    if (chart.hidden.has(name) || (which && FLAT.has(name))) continue;
    const first = bisect(marks.ts, marks.start[kind], marks.start[kind + 1], ts - reach * perPixel);
    const last = bisect(marks.ts, first, marks.start[kind + 1], ts + reach * perPixel);
    for (let row = first; row < last; row++) {
      const dx = xOf(chart, marks.ts[row]) - x;
      const end = yOf(panel, values[row]), start = which ? end : yOf(panel, marks.end[row]);
      const bottom = Math.min(Math.max(end, panel.top), panel.top + panel.height);
      const top = Math.min(Math.max(start, panel.top), panel.top + panel.height);
      const dy = y > bottom ? y - bottom : y < top ? top - y : 0;
      const far = (dx * dx + dy * dy) * (kind >= BULK ? 0.3 : 1);
      if (far < least) { least = far; best = { row, kind, x: xOf(chart, marks.ts[row]), y: Math.min(Math.max(y, top), bottom) }; }
    }
  }
  return best;
}
