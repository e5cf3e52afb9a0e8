// Values to places: ticks, their words, ranges that fit, labels that keep clear of each other.

const UNITS = [ // how long a stretch must be to be told in a unit, the unit, its ns, what ticks are counted from
  [6 * 3600e9, "h", 3600e9, 0], [600e9, "min", 60e9, 0], [2e9, "s", 1e9, 0],
  [2e6, "ms", 1e6, 1e9], [2e3, "us", 1e3, 1e6], [0, "ns", 1, 1e3],
];
const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

const grouped3 = (number) => String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const octets = (number) => `${number < 0 ? "-" : ""}${grouped3(Math.abs(Math.round(number)))}`;

/** Steps of 1, 2, 5 times a power of ten; beyond seconds, those of a clock. At most `most` of them. */
function step(span, most, clocklike) {
  const least = span / most;
  if (clocklike && least >= 1e9) return 1e9 * (CLOCK.find((one) => one * 1e9 >= least) ?? Math.ceil(least / 86400e9) * 86400);
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].find((one) => one * power >= least) * power;
}

function within(from, to, size, base) {
  const values = [];
  for (let at = Math.ceil((from - base) / size) * size + base; at <= to && values.length < 50; at += size) values.push(at);
  return values;
}

const decimals = (size, unit) => Math.max(0, Math.ceil(Math.log10(unit / size) - 1e-9));

/** Ticks of a stretch of time: where, their labels, and what they are counted from. */
function timeTicks(from, to, origin, most) {
  const span = Math.max(to - from, 1);
  const [, unit, size, whole] = UNITS.find(([least]) => span >= least);
  const every = step(span, most, size >= 1e9);
  const start = origin + BigInt(Math.ceil(from));
  const first = start + ((BigInt(every) - (start % BigInt(every))) % BigInt(every));
  const base = whole ? Number(first - (first % BigInt(whole)) - origin) : 0;
  const places = decimals(every, size);
  const values = within(from, to, every, base);
  const after = clock(origin + BigInt(base)).replace(/\.?0*$/, "");
  return { values, labels: values.map((one) => ((one - base) / size).toFixed(places)), title: `${unit} after ${after} UTC` };
}

/** Ticks of octets, in the unit that reads best; to the octet where that is close. */
function octetTicks(from, to, most) {
  const every = step(Math.max(to - from, 1), most, false);
  const high = Math.max(Math.abs(from), Math.abs(to));
  const [unit, size] = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]].find(([, one]) => high >= 2 * one) ?? ["", 1];
  const places = decimals(every, size);
  const say = (one) => (one === 0 ? "0" : size === 1 || places > 3 ? octets(one) : `${(one / size).toFixed(places)} ${unit}`);
  const values = within(from, to, every, 0);
  return { values, labels: values.map(say) };
}

/** HH:MM:SS.nnnnnnnnn of ns since the epoch. */
function clock(ns) {
  const day = 86_400_000_000_000n;
  const left = ((ns % day) + day) % day;
  const two = (value) => String(value).padStart(2, "0");
  const second = left / 1_000_000_000n;
  return `${two(second / 3600n)}:${two((second / 60n) % 60n)}:${two(second % 60n)}.${String(left % 1_000_000_000n).padStart(9, "0")}`;
}

/** A span of ns in the unit that reads best. */
function span(ns) {
  const size = Math.abs(ns);
  for (const [unit, name] of [[1e9, "s"], [1e6, "ms"], [1e3, "us"]]) {
    if (size >= unit) return `${Number((ns / unit).toFixed(3))} ${name}`;
  }
  return `${Math.round(ns)} ns`;
}

/** The first row in [first, last) whose value is not below `value`. */
function bisect(values, first, last, value) {
  while (first < last) {
    const middle = (first + last) >>> 1;
    if (values[middle] < value) first = middle + 1; else last = middle;
  }
  return first;
}

const HEAP = 256; // rows whose least and greatest are kept

/** A column, with the least and greatest of each heap of rows, so that those of any rows are found at once. */
function heaped(column) {
  const count = Math.ceil(column.length / HEAP);
  const least = new Float64Array(count).fill(Infinity), greatest = new Float64Array(count).fill(-Infinity);
  for (let row = 0; row < column.length; row++) {
    const heap = (row / HEAP) | 0, value = column[row];
    if (value < least[heap]) least[heap] = value;
    if (value > greatest[heap]) greatest[heap] = value;
  }
  return { column, least, greatest };
}

const leastOf = ({ column, least }, first, last) => best(column, least, first, last, 1);
const greatestOf = ({ column, greatest }, first, last) => -best(column, greatest, first, last, -1);

function best(column, heaps, first, last, sign) {
  let found = Infinity;
  for (let row = first; row < last;) {
    const whole = row % HEAP === 0 && row + HEAP <= last;
    const value = sign * (whole ? heaps[row / HEAP] : column[row]);
    if (value < found) found = value;
    row += whole ? HEAP : 1;
  }
  return found;
}

/** What is to be seen, and what may be if it does not make the range more than `most` times as wide. */
function range(core, extra, most) {
  let [low, high] = core;
  if (low > high) [low, high] = extra;
  if (low > high) return [0, 1];
  const room = Math.max(high - low, 1) * most;
  const [least, greatest] = [Math.min(low, extra[0]), Math.max(high, extra[1])];
  if (high - least <= room) low = least;
  if (greatest - low <= room) high = greatest;
  const margin = Math.max((high - low) * 0.05, 1);
  return [low - margin, high + margin];
}

/** Places as near as may be to those wanted, in their order, at least `gap` apart, from 0 to `width`. */
function spread(wanted, gap, width) {
  const room = Math.min(gap, width / Math.max(wanted.length - 1, 1));
  const groups = []; // each: sum of what its members want, less their turn; how many
  for (const [turn, place] of wanted.entries()) {
    groups.push([place - turn * room, 1]);
    while (groups.length > 1) {
      const [[one, few], [other, many]] = groups.slice(-2);
      if (one / few <= other / many) break;
      groups.splice(-2, 2, [one + other, few + many]);
    }
  }
  const last = width - (wanted.length - 1) * room;
  const starts = groups.flatMap(([sum, count]) => Array(count).fill(Math.min(Math.max(sum / count, 0), Math.max(last, 0))));
  return starts.map((start, turn) => start + turn * room);
}
