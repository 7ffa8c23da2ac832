// A person in a campaign: every attempt and decision in order; and the way to find somebody by their phone.
import { capital, OUTCOMES, STATES, STATUSES } from "./words.js";
import { empty, h, pill, section, table } from "./dom.js";
import { clock, clocks, count, place, present, span, whole_moment } from "./times.js";
import { get, post, session } from "./api.js";
import { field } from "./dialogs.js";

export function contactView(id) {
  let campaign = null; // its name alone, which does not change while somebody looks
  return {
    title: "Contact",
    every: 4000,
    load: async () => {
      const contact = await get(`/contacts/${id}`);
      campaign = campaign || (await get(`/campaigns/${contact.campaign_id}`));
      return { contact, campaign };
    },
    draw,
  };
}

function draw({ contact, campaign }) {
  const [where, zones] = place(contact.region);
  return h(
    "main",
    { id: "main", tabindex: "-1" },
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Campaigns"), " › ", h("a", { href: `#/campaigns/${contact.campaign_id}` }, campaign.name)),
    h(
      "div",
      { class: "card head" },
      h("div", { class: "page-head" }, h("div", { class: "title" }, h("h1", { class: "phone" }, contact.phone), pill(STATES, contact.state)), session.mayChange && h("div", { class: "buttons" }, actions(contact))),
      h("p", { class: "why-line" }, contact.reason ? `${capital(contact.reason)}.` : "Nothing has been decided about this contact yet."),
      h(
        "dl",
        { class: "figures" },
        fact("Attempts used", `${contact.used} of ${contact.max}`),
        fact("Due", dueWord(contact)),
        fact("Where it may ring", where, zones),
        (contact.numbers || []).length > 1 && fact("Phones", count(contact.numbers.length), contact.numbers.join(", ")),
        contact.caller_id && fact("Called from", contact.caller_id, "as its list says"),
        fact("Known to you as", contact.external_id || "–", contact.list_id && contact.line ? `line ${count(contact.line)} of its list` : null),
        fact("Priority", String(contact.priority)),
      ),
    ),
    section("Story", "your clock and theirs", story(contact)),
    section("Variables", session.mayChange ? null : "hidden from viewers", variables(contact)),
  );
}

function dueWord(contact) {
  if (!contact.due_at) return "–";
  return contact.due_at.startsWith("9999") ? "when released" : clock(contact.due_at);
}

function fact(label, value, more) {
  return h("div", null, h("dt", null, label), h("dd", null, h("b", null, value), more && h("span", null, more)));
}

// Attempts, and what was decided beside them, in the order in which they happened.
function story(contact) {
  const attempts = contact.attempts.map((attempt, at) => ({ at: attempt.dial_at || attempt.ended_at, step: called(contact, at) }));
  const decisions = (contact.decisions || []).map((decision, at) => ({ at: decision.at, step: decided(decision, `decision-${at}-${decision.at}`, zonesAfter(contact, decision.at)) }));
  const steps = [...attempts, ...decisions].sort((one, other) => new Date(one.at) - new Date(other.at));
  return h("ol", { class: "story" }, steps.map((one) => one.step), now(contact));
}

// A person's numbers may ring in different places: an attempt has the clocks it was judged by.
function zonesOf(contact, attempt) {
  return attempt.zones.length ? attempt.zones : contact.zones;
}

// A decision is about the number that was to be dialed next.
function zonesAfter(contact, moment) {
  const next = contact.attempts.find((attempt) => attempt.dial_at && new Date(attempt.dial_at) > new Date(moment));
  return next ? zonesOf(contact, next) : contact.zones;
}

function called(contact, at) {
  const attempt = contact.attempts[at];
  const zones = zonesOf(contact, attempt);
  const [where, names] = place(attempt.region);
  return h(
    "li",
    { "data-key": attempt.id },
    h("div", { class: "step-head" }, h("b", null, `Attempt ${attempt.n}`), pill(attempt.ended_at ? OUTCOMES : STATUSES, attempt.outcome), attempt.detail && h("span", { class: "quiet" }, detail(attempt.detail, contact.meanings || {}))),
    h(
      "dl",
      { class: "step" },
      line("Dialed", attempt.dial_at && both(attempt.dial_at, zones)),
      line("Ended", attempt.ended_at ? both(attempt.ended_at, zones) : ["uncertain", "held"].includes(attempt.outcome) ? "nobody knows whether it was made" : "it goes on"),
      line("Talked", attempt.duration_s === null ? null : span(attempt.duration_s)),
      line("To", (contact.numbers || []).length > 1 && attempt.to),
      line("From", attempt.from_number),
      line("Judged as", attempt.region && [where, h("span", { class: "sub" }, names), attempt.zone_source && h("span", { class: "sub" }, `by its ${attempt.zone_source.replaceAll("_", " ")}`)]),
      line("Rules", attempt.rules && (attempt.rule ? [attempt.rule, attempt.rule !== attempt.rules && h("span", { class: "sub" }, `as of ${attempt.rules}`)] : attempt.rules)),
      line("Answered by", attempt.answered_by && answerer(attempt.answered_by)),
      line("Voicemail", attempt.voicemail_left && "the text was left"),
      Object.entries(attempt.answers || {}).map(([name, answer]) => line(`Answered: ${name}`, answer)),
      line("Then", attempt.ended_at && next(attempt, contact.attempts[at + 1])),
      line("Carrier's id", attempt.sid ? h("code", null, attempt.sid) : "none known"),
      h("div", { class: "wide" }, h("dt", null, "Attempt's id"), h("dd", null, h("code", null, attempt.id))),
    ),
  );
}

function decided({ at, state, reason, due_at: due }, key, zones) {
  const open = due && due.startsWith("9999");
  return h(
    "li",
    { "data-key": key, class: "decision" },
    h("div", { class: "step-head" }, h("b", null, "Decision"), pill(STATES, state), h("span", null, reason)),
    h("dl", { class: "step" }, line("Decided", both(at, zones)), line("Waits until", due && (open ? "somebody releases them" : both(due, zones)))),
  );
}

// Of the telephone network a bare number, of the carrier a sentence that has its number in it.
function detail(text, meanings) {
  const meaning = meanings[text];
  return !meaning || text.includes(meaning) ? text : `${text}: ${meaning}`;
}

// Of a machine the carrier says, too, how much of its greeting it heard.
function answerer(word) {
  return [word.split("_")[0], h("span", { class: "sub" }, "as the carrier heard it")];
}

function next(attempt, following) {
  if (!following || !following.dial_at) return null;
  return `called again ${span((new Date(following.dial_at) - new Date(attempt.ended_at)) / 1000)} later`;
}

// The last decision: where they are, why, and what comes next.
function now(contact) {
  const { state, due_at: due, zones } = contact;
  const waits = due && !due.startsWith("9999");
  const again = contact.attempts.length > 0 ? "tried again" : "called";
  return h(
    "li",
    { "data-key": "now", class: "now" },
    h("div", { class: "step-head" }, h("b", null, "Now"), pill(STATES, state)),
    h(
      "dl",
      { class: "step" },
      line("Decided", contact.reason ? `${capital(contact.reason)}.` : "Nothing yet."),
      waits && line(new Date(due) > present() ? `Not ${again} before` : "Due since", both(due, zones)),
      due && !waits && line("Next", "nothing, until somebody releases them"),
      waits && line("Attempts left", count(Math.max(0, contact.max - contact.used))),
      contact.callback_at && line("Asked to be called", both(contact.callback_at, zones)),
      ["uncertain", "held"].includes(state) && line("Next", state === "held" ? "the carrier reports the call, or a person decides" : "the carrier is asked for the call"),
      ["done", "failed", "suppressed"].includes(state) && line("Next", "nothing: this is settled"),
    ),
  );
}

function both(moment, zones) {
  return [whole_moment(moment), clocks(moment, zones).map((there) => h("span", { class: "sub" }, `there: ${there}`))];
}

function line(label, value) {
  return value ? h("div", null, h("dt", null, label), h("dd", null, value)) : null;
}

function variables(contact) {
  const rows = Object.entries(contact.vars).map(([name, value]) => ({ key: name, cells: [name, value] }));
  return rows.length ? table("Variables", [["Name"], ["Value"]], rows) : empty("No variables.", "Columns of the list beyond the known ones would stand here, for the text that is spoken.");
}

function actions(contact) {
  const button = (act, label, more) => h("button", { type: "button", "data-key": `${act}${(more || {})["data-to"] || ""}`, "data-do": act, "data-id": contact.id, ...more }, label);
  const onHold = (contact.due_at || "").startsWith("9999");
  const found = [];
  if (contact.state === "held") found.push(button("resolve", "Call again", { "data-to": "pending" }), button("resolve", "Give up", { "data-to": "failed" }));
  if (contact.state === "pending" && !onHold) found.push(button("move", "Put on hold", { "data-verb": "hold" }));
  if (onHold) found.push(button("move", "Release", { "data-verb": "release" }));
  if (["pending", "claimed"].includes(contact.state)) found.push(button("move", "Cancel", { "data-verb": "cancel" }));
  return found;
}

// -- finding somebody ------------------------------------------------------------------------------------------------

export function peopleView() {
  let answer = null;
  return {
    title: "People",
    every: 0,
    load: async () => null,
    draw: () => {
      const found = h("div", { id: "found", "aria-live": "polite" });
      const go = h("button", { type: "submit", class: "primary" }, "Find");
      const form = h("form", { class: "inline" }, field("Phone, in international form", "phone", { type: "tel", placeholder: "+1…", autocomplete: "off" }), field("or your own id", "external_id", { autocomplete: "off" }), go);
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const { phone, external_id: own } = Object.fromEntries(new FormData(form));
        try {
          answer = await post("/contacts/find", phone ? { phone } : { external_id: own });
          found.replaceChildren(people(answer.items));
        } catch (refused) {
          found.replaceChildren(h("p", { class: "problem", role: "alert" }, refused.message));
        }
      });
      return h(
        "main",
        { id: "main", tabindex: "-1", "data-keep": true },
        h("div", { class: "page-head" }, h("h1", null, "People"), session.mayChange && h("button", { type: "button", "data-do": "suppress" }, "Suppress a number")),
        section("Find somebody", "in every campaign", form, found),
      );
    },
  };
}

function people(items) {
  if (!items.length) return empty("Nobody was found.", "No campaign has this phone or id. Look at how it is written: +1 and ten digits, for instance.");
  const rows = items.map((one) => ({
    key: one.id,
    cells: [h("a", { href: `#/contacts/${one.id}`, class: "phone" }, one.phone), pill(STATES, one.state), one.reason, `${one.used} of ${one.max}`, h("a", { href: `#/campaigns/${one.campaign_id}` }, "campaign")],
  }));
  return table("Found", [["Phone"], ["State"], ["Why"], ["Attempts", "number"], ["Campaign"]], rows);
}
