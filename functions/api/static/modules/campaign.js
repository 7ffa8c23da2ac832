// One campaign: what it is doing and why, and all that may be done about it.
import { CAMPAIGN_STATES, capital, OUTCOMES, STAGES, STATES, STATUSES, toneOf, VERBS, wordFor } from "./words.js";
import { empty, h, pill, section, table } from "./dom.js";
import { ago, ahead, clock, count, HERE, place, rate, sentence, share, span, withoutNumbers } from "./times.js";
import { get, session } from "./api.js";
import { chartPlace, drawOutcomes, drawPace, outcomeWords, paceWords } from "./charts.js";

const ZONES_SHOWN = 12;
const REASONS_SHOWN = 8;
const LISTS_EVERY_MS = 30_000; // lists come from elsewhere too
const AWAITED_MS = 2 * 3600 * 1000; // a file may be sent for an hour; one that has not come by then does not come

export function campaignView(id) {
  const papers = { lists: [], asked: 0, contacts: 0, stirred: true };
  return {
    title: "Campaign",
    every: 3000,
    stir: () => (papers.stirred = true),
    load: async () => {
      const seen = await get(`/campaigns/${id}/live`);
      const contacts = total(seen);
      const stale = contacts !== papers.contacts || Date.now() - papers.asked > LISTS_EVERY_MS;
      if (papers.stirred || stale || papers.lists.some((list) => changes(list, seen.stats.at))) {
        Object.assign(papers, { asked: Date.now(), contacts, stirred: false }); // what is stirred from now on is news
        try {
          papers.lists = (await get(`/campaigns/${id}/lists`)).items;
        } catch (refused) {
          papers.stirred = true;
          throw refused;
        }
      }
      return { ...seen, lists: papers.lists };
    },
    titleOf: (seen) => withoutNumbers(seen.campaign.name),
    draw,
    drawn: (seen) => {
      drawPace("chart-pace", seen.stats, seen.limits.calls_per_minute, zoneOf(seen));
      drawOutcomes("chart-outcomes", seen.stats.ends, zoneOf(seen));
    },
  };
}

function total(seen) {
  return Object.values(seen.stats.counts).reduce((sum, number) => sum + number, 0);
}

function changes(list, now) {
  return list.state === "reading" || (list.state === "awaited" && new Date(now) - new Date(list.made_at) < AWAITED_MS);
}

function zoneOf(seen) {
  return (seen.campaign.form.hours && seen.campaign.form.hours.zone) || HERE;
}

function draw(seen) {
  const all = total(seen);
  return h(
    "main",
    { id: "main", tabindex: "-1" },
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Campaigns"), h("span", { class: "as-of" }, `as of ${clock(seen.stats.at, null, true)}`)),
    header(seen, all),
    !seen.stats.whole && h("p", { class: "note" }, "This list has not been summed up to its end yet: figures about settled contacts and ended attempts are growing towards the truth."),
    !all && [nobody(seen), lists(seen)],
    all > 0 && [
      contacts(seen, all),
      lines(seen),
      seen.doubts.length > 0 && doubts(seen),
      h("div", { class: "two", "data-key": "charts" }, pace(seen), outcomes(seen)),
      h("div", { class: "two", "data-key": "tables" }, attempts(seen), zones(seen)),
      Object.keys(seen.stats.answers).length > 0 && answers(seen),
      h("div", { class: seen.doubts.length ? "" : "two", "data-key": "troubles" }, errors(seen), seen.doubts.length === 0 && doubts(seen)),
      calls(seen),
      lists(seen),
    ],
  );
}

function header(seen, all) {
  const { campaign, stats, limits, why } = seen;
  const inUse = Object.values(seen.lines).reduce((sum, number) => sum + number, 0);
  return h(
    "div",
    { class: "card head", "data-key": "head" },
    h(
      "div",
      { class: "page-head" },
      h("div", { class: "title" }, h("h1", null, campaign.name), pill(CAMPAIGN_STATES, campaign.state)),
      session.mayChange && h("div", { class: "buttons" }, verbs(campaign)),
    ),
    h("p", { class: why.wrong || campaign.state === "paused" ? "why-line warn-text" : "why-line" }, sentence(campaign.state, why)),
    Object.entries(campaign.blocked_regions).map(([region, reason]) => h("p", { class: "why-line warn-text", "data-key": `blocked-${region}` }, `Nobody in ${region} is called: ${reason}`)),
    h(
      "dl",
      { class: "figures" },
      figure(startedWord(campaign), clock(campaign.state_at), [ago(campaign.state_at, stats.at), firstStarted(campaign)].join("")),
      figure("Calls a minute", rate(stats.calls_per_minute), `of ${rate(limits.calls_per_minute)} allowed`),
      figure("Lines in use", count(inUse), `of ${count(limits.lines)}`),
      figure("Left to call", count(stats.left), all ? `of ${count(all)}` : ""),
      figure("Answered", stats.answer_rate === null ? "–" : share(stats.answer_rate, 1), "of calls that have ended"),
      stats.live_answers > 0 && figure("Abandoned", share(stats.abandoned, stats.live_answers), `of ${count(stats.live_answers)} live answers in 30 days`),
      figure("Done", ...done(seen)),
    ),
  );
}

function startedWord(campaign) {
  return { draft: "Made", running: "Running since", paused: "Paused", stopped: "Stopped", archived: "Archived" }[campaign.state];
}

// Where that was not the moment from which it is what it is.
function firstStarted({ started_at: first, state_at: since }) {
  return first && new Date(since) - new Date(first) >= 1000 ? `, first started ${clock(first)}` : "";
}

// When it will be done, in everybody's hours; or how long it takes while it may call.
function done({ campaign, stats }) {
  if (!stats.left) return ["now", ""];
  if (stats.done_at && campaign.end_at && campaign.end_at < stats.done_at) return ["not before its end", `which is ${clock(campaign.end_at)}`];
  if (stats.done_at) return [clock(stats.done_at), `${ahead(stats.done_at, stats.at)}, ${closedBefore(stats) ? "closed hours included" : "at this pace"}`];
  if (stats.calling_left_s) return ["–", `${span(stats.calling_left_s)} of calling are left; some may not be called at any hour we know`];
  return ["–", campaign.state === "running" ? "not known yet" : ""];
}

function closedBefore(stats) {
  return (new Date(stats.done_at) - new Date(stats.at)) / 1000 > 1.1 * stats.calling_left_s + 60;
}

function figure(label, value, more) {
  return h("div", null, h("dt", null, label), h("dd", null, h("b", null, value), more && h("span", null, more)));
}

function verbs(campaign) {
  const order = ["start", "resume", "pause", "stop", "archive"];
  const buttons = order
    .filter((verb) => campaign.may.includes(verb) && !(verb === "archive" && campaign.state === "draft"))
    .map((verb) =>
      h("button", { type: "button", "data-key": verb, "data-do": "turn", "data-verb": verb, "data-id": campaign.id, class: VERBS[verb].danger ? "quiet-danger" : ["start", "resume"].includes(verb) ? "primary" : "" }, VERBS[verb].label),
    );
  return [...buttons, h("button", { type: "button", "data-key": "export", "data-do": "export", "data-id": campaign.id }, "Export")];
}

function nobody(seen) {
  const advice = session.mayChange ? "Drop a CSV file below: one row for each person, with a column named phone." : "An operator uploads a list; it appears here by itself.";
  return h("div", { "data-key": "nobody" }, empty(`${capital(seen.campaign.state)}, with nobody to call yet.`, advice));
}

// -- contacts by state and reason ------------------------------------------------------------------------------------

function contacts(seen, all) {
  const { counts } = seen.stats;
  const parts = Object.keys(STATES).filter((state) => counts[state]);
  return section(
    "Contacts",
    `${count(all)} in all`,
    h(
      "div",
      { class: "bar", role: "img", "aria-label": parts.map((state) => `${STATES[state][0]} ${count(counts[state])}`).join(", ") },
      parts.map((state) => h("i", { class: STATES[state][1], "width%": (100 * counts[state]) / all, "data-key": state })),
    ),
    h(
      "ul",
      { class: "legend" },
      parts.map((state) => h("li", { "data-key": state }, legend(seen, state, counts[state], all))),
    ),
  );
}

function legend(seen, state, number, all) {
  const reasons = reasonsOf(seen, state);
  const head = [h("i", { class: `dot ${STATES[state][1]}` }), h("span", { class: "legend-name" }, STATES[state][0]), h("b", null, count(number)), h("span", { class: "quiet" }, share(number, all))];
  if (!reasons.length) return h("div", { class: "legend-row" }, head);
  const more = reasons.length - REASONS_SHOWN;
  return h(
    "details",
    null,
    h("summary", { class: "legend-row" }, head),
    h(
      "ul",
      { class: "reasons" },
      reasons.slice(0, REASONS_SHOWN).map(([reason, contacts]) => h("li", { "data-key": reason }, h("span", null, reason), h("b", null, count(contacts)))),
      more > 0 && h("li", { "data-key": "more" }, h("span", { class: "quiet" }, `and ${count(more)} more reasons`)),
    ),
    state === "pending" && waits(seen),
  );
}

// Of the same people: not when they are due, but what for.
function waits({ waiting }) {
  const rows = [["for their first turn", waiting.first_turn], ...waiting.reasons.map((wait) => [waitWords(wait), wait.contacts])];
  return h(
    "ul",
    { class: "reasons", "aria-label": "What they wait for", "data-key": "waits" },
    rows.filter(([, contacts]) => contacts > 0).map(([words, contacts]) => h("li", { "data-key": words }, h("span", null, words), h("b", null, count(contacts)))),
  );
}

function waitWords({ reason, next_at: next }) {
  const words = OUTCOMES[reason] ? `for another attempt, the last one was: ${OUTCOMES[reason][0].toLowerCase()}` : reason;
  return next ? `${words}; the next ${clock(next)}` : words;
}

function reasonsOf(seen, state) {
  if (state === "pending") {
    const { due, closed, never, later, on_hold: onHold, next_at: next } = seen.waiting;
    return [
      ["due: they wait for a free line", due - closed],
      ["due, but outside their calling hours", closed],
      [next ? `due later, the next ${clock(next)}` : "due later", later],
      ["on hold until somebody releases them", onHold],
      ["among them: can never be called as the campaign is, their zones say why", never],
    ].filter(([, contacts]) => contacts > 0);
  }
  const found = seen.reasons.filter((one) => one.state === state && one.reason);
  return found.map((one) => [one.reason, one.contacts]).sort((one, other) => other[1] - one[1]);
}

// -- lines, pace and outcomes ----------------------------------------------------------------------------------------

function lines(seen) {
  const inUse = Object.values(seen.lines).reduce((sum, number) => sum + number, 0);
  const most = Math.max(seen.limits.lines, inUse, 1);
  return section(
    "Lines in use",
    `${count(inUse)} of ${count(seen.limits.lines)}`,
    h(
      "div",
      { class: "bar", role: "img", "aria-label": Object.keys(STAGES).map((stage) => `${STAGES[stage][0]} ${count(seen.lines[stage])}`).join(", ") },
      Object.keys(STAGES).map((stage) => seen.lines[stage] > 0 && h("i", { class: STAGES[stage][1], "width%": (100 * seen.lines[stage]) / most, "data-key": stage })),
    ),
    h(
      "ul",
      { class: "stages" },
      Object.entries(STAGES).map(([stage, [label, tone, meaning]]) => h("li", { title: meaning, "data-key": stage }, h("i", { class: `dot ${tone}` }), h("span", null, label), h("b", null, count(seen.lines[stage])))),
    ),
  );
}

function pace(seen) {
  const zone = zoneOf(seen);
  const known = seen.stats.pace.length > 0;
  return section(
    "Calls a minute",
    zone,
    known ? chartPlace("chart-pace", paceWords(seen.stats, seen.limits.calls_per_minute)) : h("p", { class: "empty-chart", "data-key": "no-pace" }, "Counted once a minute while it runs: the line begins after two counts."),
  );
}

function outcomes(seen) {
  const zone = zoneOf(seen);
  const { ends } = seen.stats;
  const names = Object.keys(OUTCOMES).filter((name) => ends.some((end) => end.outcome === name));
  const key = h("ul", { class: "key" }, names.map((name) => h("li", { "data-key": name }, h("i", { class: `dot ${OUTCOMES[name][1]}` }), OUTCOMES[name][0])));
  return section(
    "Outcomes by minute",
    zone,
    ends.length ? chartPlace("chart-outcomes", outcomeWords(seen.stats), key) : h("p", { class: "empty-chart", "data-key": "no-outcomes" }, "Drawn as soon as the first call has ended."),
  );
}

function attempts(seen) {
  const rows = Object.entries(seen.stats.outcomes).sort((one, other) => other[1] - one[1]);
  const all = rows.reduce((sum, [, number]) => sum + number, 0);
  const per = seen.stats.attempts_per_contact;
  return section(
    "Attempts by outcome",
    per === null ? null : `${rate(per)} per contact called`,
    rows.length
      ? table("Attempts by outcome", [["Outcome"], ["Attempts", "number"], ["Share", "number"]], rows.map(([name, number]) => ({ key: name, cells: [[h("i", { class: `dot ${toneOf(OUTCOMES, name)}` }), " ", wordFor(OUTCOMES, name)], count(number), share(number, all)] })))
      : empty("No attempt is over yet.", "Each is counted as soon as it has ended."),
  );
}

function answers(seen) {
  const rows = Object.entries(seen.stats.answers).flatMap(([step, found]) => Object.entries(found).map(([answer, number]) => ({ key: `${step} ${answer}`, cells: [step, answer, count(number)] })));
  return section("Answers", null, table("Answers", [["Step"], ["Answer"], ["Attempts", "number"]], rows));
}

function zones(seen) {
  const open = seen.zones.filter((zone) => zone.open).length;
  const rest = seen.zones.slice(ZONES_SHOWN);
  const columns = [["Where"], ["Left", "number"], ["Now"], ["Changes"]];
  const more = rest.length + seen.more_zones;
  return section(
    "Zones",
    seen.zones.length ? `${count(open)} of ${count(seen.zones.length)}${seen.more_zones ? " shown" : ""} open` : null,
    seen.zones.length ? table("Contacts left by zone", columns, seen.zones.slice(0, ZONES_SHOWN).map((zone) => zoneRow(zone, seen))) : empty("Nobody waits.", "Everybody has been called, is being called, or is held."),
    more > 0 &&
      h(
        "details",
        { class: "more", "data-key": "more-zones" },
        h("summary", null, `${count(more)} more zones`),
        table("More zones", columns, rest.map((zone) => zoneRow(zone, seen))),
        seen.more_zones > 0 && h("p", { class: "hint" }, `and ${count(seen.more_zones)} smaller ones`),
      ),
  );
}

function zoneRow(zone, seen) {
  const [where, names] = place(zone.region);
  const change = zone.changes_at ? `${zone.open ? "closes" : "opens"} ${clock(zone.changes_at, zone.zone)} (${ahead(zone.changes_at, seen.stats.at)})` : zone.open ? "open all day" : zone.never ? "never, as the campaign is" : "–";
  return {
    key: zone.region || "unknown",
    cells: [
      [h("span", { class: "strong" }, where), names && h("span", { class: "sub" }, names)],
      count(zone.left),
      h("span", { class: `pill ${zone.open ? "good" : "idle"}`, title: zone.reason || null }, zone.open ? "Open" : "Closed"),
      [change, zone.reason && h("span", { class: "sub" }, zone.reason)],
    ],
  };
}

// -- doubts, errors, calls, lists ------------------------------------------------------------------------------------

function doubts(seen) {
  const { held = 0, uncertain = 0 } = seen.stats.counts;
  const columns = [["Phone"], ["State"], ["What happened"], ["What is being done"], ["Until", "brief"], ["Decide"]];
  const rows = seen.doubts.map((doubt) => ({
    key: doubt.contact_id,
    cells: [
      h("a", { href: `#/contacts/${doubt.contact_id}`, class: "phone" }, doubt.phone),
      pill(STATES, doubt.state),
      [doubt.reason, doubt.dialed_at && h("span", { class: "sub" }, `dialed ${clock(doubt.dialed_at)}`)],
      doubt.doing,
      clock(doubt.until),
      doubt.state === "held" && session.mayChange
        ? h(
            "div",
            { class: "buttons small" },
            [["pending", "Call again"], ["failed", "Give up"]].map(([to, label]) =>
              h("button", { type: "button", "data-do": "resolve", "data-to": to, "data-id": doubt.contact_id, "aria-label": `${label} ${doubt.phone}` }, label),
            ),
          )
        : "–",
    ],
  }));
  return section(
    "In doubt",
    held + uncertain ? `${count(held)} held, ${count(uncertain)} uncertain` : "nobody",
    rows.length ? table("Contacts in doubt", columns, rows, { class: "doubts" }) : empty("Nobody is in doubt.", "Whoever the carrier cannot say of whether they were called would be listed here, and not called again until it is known."),
    held + uncertain > rows.length && h("p", { class: "hint" }, `${count(rows.length)} of ${count(held + uncertain)} are shown. When these are decided, the next ones appear.`),
  );
}

function errors(seen) {
  const rows = seen.errors.map((error) => ({ key: `${error.code} ${error.meaning}`, cells: [error.code || "–", error.meaning, count(error.count), clock(error.last_at, null, true)] }));
  return section(
    "Errors of the last 15 minutes",
    rows.length ? null : "none",
    rows.length ? table("Errors", [["Code", "brief"], ["Meaning"], ["Times", "number"], ["Last", "brief"]], rows) : empty("Nothing has gone wrong.", "Refused numbers, failed calls and requests that came to nothing would stand here, with their code and what it means."),
  );
}

function calls(seen) {
  const rows = seen.calls.map((call) => ({
    key: `${call.contact_id}-${call.dialed_at}`,
    cells: [
      clock(call.dialed_at, null, true),
      h("a", { href: `#/contacts/${call.contact_id}`, class: "phone" }, call.phone),
      String(call.n),
      pill(call.ended_at ? OUTCOMES : STATUSES, call.outcome),
      call.duration_s === null ? "–" : span(call.duration_s),
      place(call.region)[0],
      h("span", { class: "quiet" }, call.reason),
    ],
  }));
  return section(
    "Last calls",
    rows.length ? `the last ${count(rows.length)}` : null,
    rows.length
      ? table("Last calls", [["Dialed", "brief"], ["Phone"], ["Attempt", "number"], ["Result"], ["Talked", "number"], ["Where"], ["Contact now"]], rows, { class: "calls" })
      : empty("No call yet.", seen.campaign.state === "draft" ? "Start the campaign to begin." : "The first ones appear here by themselves."),
    rows.length > 0 && h("p", { class: "hint" }, "Calls that are on, and those that ended last: no more than half of them are on, where as many have ended."),
  );
}

function lists(seen) {
  const { campaign } = seen;
  const takes = session.mayChange && !["stopped", "archived"].includes(campaign.state);
  if (!takes && !seen.lists.length) return null;
  const columns = [["List"], ["State"], ["Rows", "number"], ["Added", "number"], ["Updated", "number"], ["Known", "number"], ["Repeated", "number"], ["Rejected", "number"], ["Rejects"]];
  const rows = seen.lists.map((list) => ({
    key: list.id,
    cells: [
      list.name || "a list",
      [listState(list), list.reason && h("span", { class: "sub" }, list.reason)],
      ...["rows", "added", "updated", "known", "repeated", "rejected"].map((name) => count(list.counts[name])),
      list.counts.rejected && list.rejects_link ? h("button", { type: "button", class: "small", "data-do": "rejects", "data-id": list.id }, "Show") : "–",
    ],
  }));
  return section(
    "Lists",
    null,
    takes &&
      h(
        "div",
        { class: "drop", "data-drop": campaign.id, "data-keep": true, "data-key": "drop" },
        h("p", null, h("b", null, "Drop a contact list here"), " or ", h("label", { class: "file" }, h("input", { type: "file", accept: ".csv,.txt,.tsv,text/csv", "data-do": "upload", "data-id": campaign.id, class: "away" }), "choose a file"), "."),
        h("p", { class: "hint" }, "CSV with a header row and a column named phone. The same people again are added once. Numbers without a country are taken to be of ", h("label", null, h("input", { class: "region", value: "US", maxlength: "2", size: "2", "aria-label": "Country of numbers without one" })), "."),
        h("progress", { max: "1", value: "0", hidden: true, "aria-label": "Sent so far" }),
      ),
    rows.length > 0 && table("Lists", columns, rows),
  );
}

function listState(list) {
  const words = { awaited: ["Waiting for the file", "wait"], reading: ["Reading", "move3"], read: ["Read", "good"], refused: ["Refused", "bad"] };
  const far = list.state === "reading" && list.size ? ` ${share(list.offset, list.size)}` : "";
  return [pill(words, list.state), far];
}
