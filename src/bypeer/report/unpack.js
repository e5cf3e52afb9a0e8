// Undoes packed.py: text to columns of numbers, then to marks by kind.
// Numbers are floating: exact up to 2**53, which is 104 days of ns.

/** The octets that were deflated (RFC 1951) and written as base64. */
async function inflated(text) {
  const letters = atob(text.trim());
  const octets = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) octets[at] = letters.charCodeAt(at);
  const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Columns by name: what each number was before its octets were spread over planes. */
async function columns(packed, text) {
  const octets = await inflated(text);
  const found = {};
  let at = 0;
  for (const [name, width, words] of packed.columns) {
    const plane = words.length ? octets.subarray(at, at + packed.rows) : null;
    at += words.length ? packed.rows : 0;
    let rows = packed.rows;
    if (plane) for (let row = 0; row < packed.rows; row++) rows -= plane[row] !== 0;
    const values = numbers(octets, at, rows, width);
    at += rows * width;
    found[name] = plane ? spelt(plane, words, values) : values;
  }
  return found;
}

/** Numbers out of planes of their octets; what fits into 32 bits stays an integer, which is faster. */
function numbers(octets, at, rows, width) {
  const plane = (place) => octets.subarray(at + place * rows, at + (place + 1) * rows);
  if (width === 1) return plane(0);
  const values = width > 4 ? new Float64Array(rows) : new Uint32Array(rows);
  for (let place = 0; place < width; place++) {
    const from = plane(place), unit = 256 ** place;
    if (width > 4) for (let row = 0; row < rows; row++) values[row] += unit * from[row];
    else for (let row = 0, shift = 8 * place; row < rows; row++) values[row] |= from[row] << shift;
  }
  return values;
}

function spelt(plane, words, rest) {
  const values = new Float64Array(plane.length);
  const meaning = [0, ...words];
  for (let row = 0, left = 0; row < plane.length; row++) {
    values[row] = plane[row] ? meaning[plane[row]] : rest[left++];
  }
  return values;
}

/** Zig-zag undone: 0, 1, 2, 3 ... to 0, -1, 1, -2 ... */
function signed(value) {
  if (value < 0x80000000) return (value >>> 1) ^ -(value & 1);
  const half = Math.floor(value / 2);
  return value === 2 * half ? half : -half - 1;
}

function summed(steps) {
  const values = new Float64Array(steps.length);
  for (let row = 0, before = 0; row < steps.length; row++) values[row] = before += signed(steps[row]);
  return values;
}

/** The same where 0 stands for `nothing`, from which nothing is counted. */
function summedBetween(steps, nothing) {
  const values = new Float64Array(steps.length);
  for (let row = 0, before = 0; row < steps.length; row++) {
    values[row] = steps[row] ? (before += signed(steps[row] - 1)) : nothing;
  }
  return values;
}

/** Marks in order of time: `low` and the frontier were told by guesses. */
function placed(columns, kinds) {
  const { size, kind, note } = columns, count = kind.length;
  const ts = summed(columns.ts), outside = summedBetween(columns.outside, 0), inside = summedBetween(columns.inside, 0);
  const low = new Float64Array(count), end = new Float64Array(count), frontier = new Float64Array(count);
  const ends = new Float64Array(kinds.length), ack = kinds.indexOf("ack"), edge = kinds.indexOf("window");
  for (let row = 0, front = 0, advance = 0; row < count; row++) {
    const which = kind[row];
    let step = signed(columns.low[row]);
    if (which === edge) step += advance;
    else if (which === ack) advance = step;
    low[row] = ends[which] + step;
    end[row] = ends[which] = low[row] + size[row];
    if (size[row] && outside[row] && end[row] > front) front = end[row];
    frontier[row] = front += signed(columns.frontier[row]);
  }
  return { ts, low, end, frontier, kind, outside, inside, note };
}

/** Bounds by marks that are in order of time: their times, and both numbers, NaN where there is none. */
function bounded(columns, marks, kinds) {
  const edge = kinds.indexOf("window"), count = columns.row.length;
  const rows = summed(columns.row), after = summed(columns.after);
  const lower = summedBetween(columns.lower, NaN), upper = summedBetween(columns.upper, NaN);
  const ts = new Float64Array(count), behind = new Float64Array(count), ahead = new Float64Array(count);
  for (let at = 0, seen = 0, window = 0; at < count; at++) {
    for (; seen < rows[at]; seen++) if (marks.kind[seen] === edge) window = marks.low[seen];
    const row = rows[at] - 1;
    const front = row < 0 ? 0 : marks.frontier[row];
    ts[at] = after[at] + (row < 0 ? 0 : marks.ts[row]);
    behind[at] = lower[at];
    lower[at] = front - lower[at];
    upper[at] += window;
    ahead[at] = front - upper[at];
  }
  return { ts, lower, upper, behind, ahead };
}

/**
 * Marks grouped by kind, in order of time within each: `start[k]` to `start[k + 1]` are those of kind k.
 * What only the pointer asks for stays in order of time, at `rows[row]`.
 */
function grouped(marks, kinds) {
  const count = marks.ts.length, start = new Uint32Array(kinds.length + 1), rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) start[marks.kind[row] + 1]++;
  for (let kind = 0; kind < kinds.length; kind++) start[kind + 1] += start[kind];
  const next = start.slice();
  const ts = new Float64Array(count), low = new Float64Array(count), end = new Float64Array(count), behind = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const at = next[marks.kind[row]]++;
    rows[at] = row;
    ts[at] = marks.ts[row];
    low[at] = marks.low[row];
    end[at] = marks.end[row];
    behind[at] = marks.frontier[row] - marks.end[row];
  }
  return { start, ts, low, end, behind, rows, outside: marks.outside, inside: marks.inside, note: marks.note };
}

/** All that is drawn of a picture. */
async function unpacked(picture, kinds) {
  const text = (name) => document.getElementById(`${name}-${picture.id}`).textContent;
  const marks = placed(await columns(picture.marks, text("marks")), kinds);
  const bounds = bounded(await columns(picture.bounds, text("bounds")), marks, kinds);
  return { marks: grouped(marks, kinds), bounds };
}
