// Times and numbers, each written in one way. A moment without a zone is read on the reader's own clock.
import { capital } from "./words.js";

export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const ZONES = Intl.supportedValuesOf ? Intl.supportedValuesOf("timeZone") : [HERE];
const whole = new Intl.NumberFormat("en-US");
let aheadMs = 0; // how far the API's clock is ahead of the browser's
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

// What the API's clock said when its answer came: to a second, which is all that its header tells.
export function heard(date) {
  const said = Date.parse(date || "");
  if (!Number.isNaN(said)) aheadMs = said - Date.now();
}

// The moment by the API's clock, as the moments are that it tells: a browser's own clock may be wrong.
export function present() {
  return new Date(Date.now() + aheadMs);
}

export function count(number) {
  return whole.format(number || 0);
}

export function rate(number) {
  return number === null || number === undefined ? "–" : number >= 100 ? whole.format(Math.round(number)) : tenths.format(number);
}

export function share(part, all) {
  if (!all) return "–";
  const percent = (100 * part) / all;
  return percent && percent < 0.1 ? "<0.1%" : `${tenths.format(percent)}%`;
}

function written(moment, options, zone, locale = "en-GB") {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone || HERE }).format(moment);
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(moment);
  }
}

function sameDay(one, other, zone) {
  const day = { year: "numeric", month: "2-digit", day: "2-digit" };
  return written(one, day, zone) === written(other, day, zone);
}

// "14:05", "Thu 26 Nov 08:00"; with the zone's name where it is not the reader's own.
export function clock(text, zone, seconds) {
  if (!text) return "–";
  const moment = new Date(text);
  const time = written(moment, { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), hourCycle: "h23" }, zone);
  const day = sameDay(moment, present(), zone) ? "" : `${written(moment, { weekday: "short", day: "numeric", month: "short" }, zone)} `;
  return `${day}${time}${zone && zone !== HERE ? ` ${zoneName(moment, zone)}` : ""}`;
}

function zoneName(moment, zone) {
  if (zone === "UTC") return "UTC";
  try {
    const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "shortGeneric" }).formatToParts(moment);
    return parts.find((part) => part.type === "timeZoneName").value;
  } catch {
    return zone;
  }
}

export function whole_moment(text, zone) {
  if (!text) return "–";
  const shown = { weekday: "short", year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return `${written(new Date(text), { ...shown, hourCycle: "h23" }, zone)} ${zoneName(new Date(text), zone || HERE)}`;
}

// What the clocks of these zones show: what several show alike once, the earliest first; of many the first and the last.
export function clocks(text, zones) {
  const sortable = (zone) => written(new Date(text), { dateStyle: "short", timeStyle: "short" }, zone, "sv-SE"); // 2026-11-30 08:15
  const found = new Map(zones.map((zone) => [whole_moment(text, zone), sortable(zone)]));
  const shown = [...found].sort((one, other) => one[1].localeCompare(other[1])).map(([words]) => words);
  return shown.length > 3 ? [`${shown[0]} to ${shown.at(-1)}`] : shown;
}

export function span(seconds) {
  const left = Math.max(0, Math.round(seconds));
  if (left < 60) return `${left} s`;
  if (left < 3600) return `${Math.floor(left / 60)} min ${left % 60 && left < 600 ? `${left % 60} s` : ""}`.trim();
  if (left < 86400) return `${Math.floor(left / 3600)} h ${Math.floor((left % 3600) / 60) || ""}${left % 3600 >= 60 ? " min" : ""}`.trim();
  return `${Math.floor(left / 86400)} d ${Math.floor((left % 86400) / 3600)} h`;
}

export function ago(text, now) {
  return text ? `${span(((now ? new Date(now) : present()) - new Date(text)) / 1000)} ago` : "";
}

export function ahead(text, now) {
  const seconds = (new Date(text) - (now ? new Date(now) : present())) / 1000;
  return seconds > 0 ? `in ${span(seconds)}` : "now";
}

// What a campaign is doing and why, and until when, on the clock that decides it.
export function sentence(state, { text, until, zone }) {
  const moment = until ? ` ${state === "draft" ? "at" : "until"} ${clock(until, zone)}` : "";
  return `${capital(text)}${moment}.`.replace(/\.\.$/, ".");
}

// A list of zones in a zone group's text: "US-FL Chicago,New_York" → ["US-FL", "Chicago, New York"].
export function place(region) {
  if (!region) return ["Unknown", "nobody knows where these phones ring"];
  const [where, zones] = region.split(" ");
  return [where.replaceAll("+", " and "), (zones || "").replaceAll(",", ", ").replaceAll("_", " ")];
}

// What is shown where a name might hold a number: titles are kept by browsers.
export function withoutNumbers(text) {
  return text.replace(/\+?\d[\d\s().-]{5,}\d/g, "…");
}
