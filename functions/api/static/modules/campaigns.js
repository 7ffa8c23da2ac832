// All campaigns: what each is doing and why, in one line each.
import { CAMPAIGN_STATES, TERMINAL_STATES } from "./words.js";
import { empty, h, pill } from "./dom.js";
import { get, session } from "./api.js";
import { ahead, clock, count, rate, sentence, share } from "./times.js";

const SHOWN = ["", "running", "paused", "draft", "stopped", "archived"];
const FIRST = ["running", "paused"]; // whoever looks wants to see these, however old they are

export function campaignsView(wanted) {
  const state = SHOWN.includes(wanted) ? wanted : "";
  return {
    title: "Campaigns",
    every: 4000,
    load: async () => {
      const seen = await newest(state);
      if (state || !seen.next) return seen;
      const old = await Promise.all(FIRST.map(newest));
      const all = [...seen.items, ...old.flatMap((one) => one.items)];
      return { items: [...new Map(all.map((one) => [one.id, one])).values()], next: seen.next };
    },
    draw: (seen) => draw(seen, state),
  };
}

function newest(state) {
  return get(`/overview?limit=100${state ? `&state=${state}` : ""}`);
}

function draw({ items, next }, state) {
  const first = FIRST.flatMap((one) => items.filter((campaign) => campaign.state === one));
  const others = items.filter((campaign) => !FIRST.includes(campaign.state));
  return h(
    "main",
    { id: "main", tabindex: "-1" },
    h(
      "div",
      { class: "page-head" },
      h("h1", null, "Campaigns"),
      session.mayChange && h("a", { class: "button primary", href: "#/new" }, "New campaign"),
    ),
    h(
      "nav",
      { class: "tabs", "aria-label": "Campaigns by state" },
      SHOWN.map((one) => h("a", { href: one ? `#/campaigns/in/${one}` : "#/", "aria-current": one === state ? "page" : null }, one ? CAMPAIGN_STATES[one][0] : "All")),
    ),
    items.length ? h("ul", { class: "campaigns" }, [...first, ...others].map(row)) : nothing(state),
    next && h("p", { class: "hint" }, `The newest hundred are shown${state ? "" : ", and a hundred each of those that run and that are paused"}. The command line lists all: `, h("code", null, "dialer campaign list --limit 1000")),
  );
}

function row(campaign) {
  const { figures, why } = campaign;
  return h(
    "li",
    { "data-key": campaign.id },
    h("a", { class: "name", href: `#/campaigns/${campaign.id}` }, campaign.name),
    pill(CAMPAIGN_STATES, campaign.state),
    h("span", { class: why && (why.wrong || campaign.state === "paused") ? "why warn-text" : "why" }, why ? sentence(campaign.state, why) : "Being counted …"),
    h("span", { class: "facts" }, figures && people(figures) ? facts(figures) : h("span", null, `${{ draft: "made", stopped: "stopped", archived: "archived" }[campaign.state] || "since"} ${clock(campaign.state_at)}`)),
    figures && progress(figures),
  );
}

function people(figures) {
  return Object.values(figures.counts).reduce((sum, number) => sum + number, 0);
}

function facts(figures) {
  const all = people(figures);
  const doubts = (figures.counts.held || 0) + (figures.counts.uncertain || 0);
  return [
    h("span", null, h("b", null, count(all - figures.left)), ` of ${count(all)} settled or held`),
    figures.calls_per_minute !== null && h("span", null, h("b", null, rate(figures.calls_per_minute)), " calls/min"),
    figures.answer_rate !== null && h("span", null, h("b", null, share(figures.answer_rate, 1)), " answered"),
    figures.left > 0 && figures.done_at && h("span", null, "done ", h("b", null, ahead(figures.done_at))),
    doubts > 0 && h("span", { class: "warn-text" }, h("b", null, count(doubts)), " in doubt"),
  ];
}

function progress(figures) {
  const all = people(figures);
  if (!all) return null;
  return h(
    "div",
    { class: "thin", role: "img", "aria-label": `${share(all - figures.left, all)} settled or held` },
    TERMINAL_STATES.map(([name, tone]) => figures.counts[name] && h("i", { class: tone, "width%": (100 * figures.counts[name]) / all })),
  );
}

function nothing(state) {
  if (state) return empty(`No campaign is ${state}.`, h("a", { href: "#/" }, "Show all of them"), ".");
  if (!session.mayChange) return empty("There is no campaign yet.", "An operator makes one; it appears here by itself.");
  return empty("There is no campaign yet.", h("a", { href: "#/new" }, "Make the first one"), ": it is a draft and calls nobody until you start it.");
}
