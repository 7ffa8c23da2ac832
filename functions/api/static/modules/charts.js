// Charts: calls a minute as a line, outcomes as bars on one another; drawn by uPlot, and said in words beside it.
/* global uPlot */
import { OUTCOMES, toneOf, wordFor } from "./words.js";
import { h } from "./dom.js";
import { clock, count, HERE, rate } from "./times.js";

const HEIGHT = 190;
const SHORTEST_S = 300;
const drawn = new Map(); // by the key of the place: {plot, sketch}

// The words are around what is kept, so that they are brought up to date.
export function chartPlace(key, label, words) {
  return h("figure", { class: "chart", "data-key": `figure-${key}` }, h("div", { role: "img", "aria-label": label }, h("div", { id: key, "data-keep": true, "data-key": key })), words);
}

function colour(tone) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${tone}`).trim();
}

// Brings the chart in a place up to date; a chart whose place is gone is forgotten.
export function draw(key, zone, series, data) {
  const place = document.getElementById(key);
  if (!place || !place.clientWidth) return;
  const known = drawn.get(key);
  const sketch = JSON.stringify([zone, series.map((one) => one.label), matchMedia("(prefers-color-scheme: dark)").matches]);
  if (known && known.sketch === sketch && place.contains(known.plot.root)) {
    if (known.plot.width !== place.clientWidth) known.plot.setSize({ width: place.clientWidth, height: HEIGHT });
    known.plot.setData(data);
    return;
  }
  if (known) known.plot.destroy();
  place.replaceChildren();
  drawn.set(key, { sketch, plot: new uPlot(options(place.clientWidth, zone, series), data, place) });
}

export function forgetCharts() {
  for (const { plot } of drawn.values()) plot.destroy();
  drawn.clear();
}

function options(width, zone, series) {
  const axis = { stroke: colour("quiet"), font: "12px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    padding: [12, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone || HERE),
    scales: { x: { range: (_, first, last) => [Math.min(first, last - SHORTEST_S), last] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 64, incrs: [60, 120, 300, 600, 900, 1800, 3600], values: (plot, ticks) => ticks.map((tick) => clock(new Date(tick * 1000).toISOString(), zone).split(" ").find((word) => word.includes(":"))) },
      { ...axis, size: 46, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? count(tick) : "")) },
    ],
    series: [{}, ...series.map((one) => ({ label: one.label, ...one.how() }))],
  };
}

// Calls a minute, against what the pace allows.
export function drawPace(key, stats, limit, zone) {
  const points = stats.pace.map((one) => [new Date(one.at) / 1000, one.calls_per_minute]);
  if (stats.calls_per_minute !== null) points.push([new Date(stats.at) / 1000, stats.calls_per_minute]);
  const times = points.map(([at]) => at);
  const line = { label: "calls a minute", how: () => ({ stroke: colour("accent"), width: 2, fill: colour("accent-soft"), points: { show: points.length < 3 } }) };
  const most = { label: "allowed", how: () => ({ stroke: colour("quiet"), width: 1, dash: [4, 4], points: { show: false } }) };
  const highest = Math.max(0, ...points.map(([, value]) => value));
  const near = limit <= highest * 3; // far above, it would only flatten the line
  draw(key, zone, near ? [line, most] : [line], [times, points.map(([, value]) => value), ...(near ? [times.map(() => limit)] : [])]);
}

// Each outcome on top of the ones below it: the highest sum is drawn first, and the others over it.
export function drawOutcomes(key, ends, zone) {
  const names = Object.keys(OUTCOMES).filter((name) => ends.some((end) => end.outcome === name));
  const minutes = everyMinute(ends);
  const place = new Map(minutes.map((minute, index) => [minute, index]));
  const sums = names.map(() => new Array(minutes.length).fill(0));
  for (const end of ends) sums[names.indexOf(end.outcome)][place.get(new Date(end.at) / 1000)] += end.attempts;
  for (let row = 1; row < sums.length; row += 1) sums[row] = sums[row].map((value, index) => value + sums[row - 1][index]);
  const bars = () => uPlot.paths.bars({ size: [0.8, 26], gap: 1 });
  const series = names.map((name) => ({
    label: wordFor(OUTCOMES, name),
    how: () => ({ fill: colour(toneOf(OUTCOMES, name)), stroke: colour(toneOf(OUTCOMES, name)), width: 0, paths: bars(), points: { show: false } }),
  }));
  draw(key, zone, series.reverse(), [minutes, ...sums.reverse()]);
}

// From the first to the last minute of an hour at most, so that bars stand where they belong.
function everyMinute(ends) {
  if (!ends.length) return [];
  const moments = ends.map((end) => new Date(end.at) / 1000);
  const last = Math.max(...moments);
  const first = Math.max(Math.min(...moments, last - 9 * 60), last - 59 * 60);
  return Array.from({ length: (last - first) / 60 + 1 }, (_, index) => first + index * 60);
}

export function paceWords(stats, limit) {
  const now = stats.calls_per_minute === null ? "not known yet" : `${rate(stats.calls_per_minute)} a minute`;
  return `Calls a minute: now ${now}, at most ${rate(limit)} allowed.`;
}

export function outcomeWords(stats) {
  const parts = Object.entries(stats.outcomes).map(([name, attempts]) => `${wordFor(OUTCOMES, name)}: ${count(attempts)}`);
  return parts.length ? `How attempts ended. ${parts.join(", ")}.` : "No attempt has ended yet.";
}
