// A new campaign, from a form or from YAML as the command line takes it. What is wrong is said by the API, beside its field.
/* global jsyaml */
import { CAPS, PURPOSES, VOICES } from "./words.js";
import { h } from "./dom.js";
import { onceOnly, post, Refused } from "./api.js";
import { field } from "./dialogs.js";
import { HERE, ZONES } from "./times.js";

const MADE = "What was sent before has been made, though its answer was lost. Look among the campaigns, or press again to make this one as well.";
const KEY_IS_USED = "This Idempotency-Key was used for another request";
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const KEYS = ["1", "2", "3"]; // how many answers the form has room for; YAML takes any number, and menus in menus
const WAITS = [["busy", "Busy: minutes", 5], ["no-answer", "No answer: minutes", 60], ["failed", "Failed: minutes", 30], ["machine", "A machine: minutes", 240]];
const MACHINE = [["go_on", "it hears what a person would hear"], ["hang_up", "hang up"], ["voicemail", "leave a message after its beep"]];
const ABANDONED = [["0.005", "0.5 %"], ["0.01", "1 %"], ["0.025", "2.5 %"], ["0.03", "3 %, the most that sales calls may have by law"], ["unlimited", "never: only where the purpose is to inform"]];
const TRIES = [["usual", "the usual for the purpose: sooner after a busy line, later each time nobody answers"], ["once", "never: one attempt is all"], ["waits", "after waits of my own, the same each time"]];

export function createView(made) {
  return { title: "New campaign", every: 0, load: async () => null, draw: () => draw(made) };
}

function draw(made) {
  let key = onceOnly(); // of one campaign, however often its button is pressed, until the API has said that it is not right
  const problems = h("div", { role: "alert", class: "problems" });
  const attempt = async (button, form, fill) => {
    button.disabled = true;
    problems.replaceChildren();
    unmark(form);
    const paths = new Map();
    try {
      made(await post("/campaigns", fill(paths), { once: key }));
    } catch (refused) {
      if (refused instanceof Refused && refused.status === 422) key = onceOnly();
      complain(problems, paths, refused.message.startsWith(KEY_IS_USED) ? MADE : refused.message);
    }
    button.disabled = false;
  };
  const form = byForm(attempt);
  const yaml = byYaml(attempt);
  yaml.hidden = true;
  const tab = (label, mine, other) => {
    const button = h("button", { type: "button", "aria-pressed": mine === form ? "true" : "false" }, label);
    button.addEventListener("click", () => {
      mine.hidden = false;
      other.hidden = true;
      for (const one of button.parentNode.children) one.setAttribute("aria-pressed", one === button ? "true" : "false");
      problems.replaceChildren();
    });
    return button;
  };
  return h(
    "main",
    { id: "main", tabindex: "-1", "data-keep": true },
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Campaigns")),
    h("div", { class: "page-head" }, h("h1", null, "New campaign"), h("div", { class: "switch", role: "group", "aria-label": "How to describe it" }, tab("Form", form, yaml), tab("YAML", yaml, form))),
    h("p", { class: "quiet" }, "A draft: it calls nobody until it has a list and is started. ", h("span", null, "YAML has all that a campaign can do, menus in menus, transfers and AI agents too.")),
    problems,
    form,
    yaml,
  );
}

// -- what is not right yet -------------------------------------------------------------------------------------------

// The API names a place for each complaint, such as `body.call.ring_timeout_s`: it is told beside the field that fills it.
function complain(problems, paths, detail) {
  const complaints = told(detail);
  const places = complaints.map((one) => ({ ...one, input: inputOf(paths, one) }));
  for (const { input, message } of places) if (input) mark(input, message);
  const marked = [...new Set(places.map((one) => one.input).filter(Boolean))];
  const others = places.filter((one) => !one.input);
  problems.replaceChildren(
    h(
      "div",
      { class: "problem" },
      h("p", null, "Not right yet:"),
      h("ul", null, marked.map((input) => h("li", null, toField(input))), others.map((one) => h("li", null, one.path ? `${one.path}: ${one.message}` : one.message))),
    ),
  );
  if (marked.length) marked[0].focus();
  else problems.scrollIntoView({ block: "nearest" });
}

function told(detail) {
  const complaints = [];
  for (const part of detail.split("; ")) {
    const found = /^(?:body\.?)?([\w.[\]*#-]*): (.*)$/s.exec(part);
    if (found) complaints.push({ path: found[1], message: found[2].replace("Value error, ", "") });
    else if (complaints.length && detail.startsWith("body")) complaints[complaints.length - 1].message += `; ${part}`;
    else complaints.push({ path: "", message: part });
  }
  return complaints.filter((one) => !one.path.endsWith(".str")); // a cap is a name or a rule: here it is a rule
}

// The field of that place; or one that the sentence names, where the place is a part of the form; or the part's first one.
function inputOf(paths, { path, message }) {
  if (paths.has(path) && !paths.get(path).part) return paths.get(path).input;
  const named = [...message.matchAll(/`(\w+)`/g)].map((one) => one[1]);
  for (const name of named) for (const [known, { input }] of paths) if (known.split(".").pop() === name) return input;
  for (let place = path; place; place = place.slice(0, Math.max(0, place.lastIndexOf(".")))) if (paths.has(place)) return paths.get(place).input;
  return null;
}

function mark(input, message) {
  const id = `${input.id}-wrong`;
  const place = input.closest(".field");
  const known = place.querySelector(".wrong");
  if (known) known.textContent += ` ${message}`;
  else place.append(h("p", { class: "wrong", id }, message));
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${id} ${input.getAttribute("aria-describedby") || ""}`.trim());
  for (let around = place.parentNode; around; around = around.parentNode) if (around.nodeName === "DETAILS") around.open = true;
}

function unmark(form) {
  for (const one of form.querySelectorAll(".wrong")) one.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    const rest = (input.getAttribute("aria-describedby") || "").split(" ").filter((id) => !id.endsWith("-wrong"));
    if (rest.length) input.setAttribute("aria-describedby", rest.join(" "));
    else input.removeAttribute("aria-describedby");
  }
}

function toField(input) {
  const button = h("button", { type: "button", class: "link" }, input.getAttribute("aria-label") || input.labels[0].textContent);
  button.addEventListener("click", () => input.focus());
  return button;
}

// -- the form --------------------------------------------------------------------------------------------------------

function byForm(attempt) {
  const go = h("button", { type: "submit", class: "primary" }, "Make the draft");
  const form = h(
    "form",
    { class: "create", novalidate: true },
    group(
      "What it is",
      field("Name", "name", { maxlength: 200, autocomplete: "off" }),
      field("Calls come from", "from_numbers", { placeholder: "+1…, +1…", autocomplete: "off" }, "In international form; several are separated by commas."),
      pair(
        field("Why people are called", "purpose", { options: PURPOSES, value: "informational" }, "Calling hours and attempts depend on it."),
        field("Who speaks", "voice", { options: VOICES, value: "prerecorded" }),
      ),
    ),
    group(
      "What is said",
      field("Text", "say", { tag: "textarea", rows: 3 }, "{name} stands for the list's column of that name; {name|there} has a word for whoever has none."),
      question(),
      pair(
        field("Who is calling, said first", "identification", { maxlength: 1000, autocomplete: "off" }, "Sales calls may not start without it."),
        field("How to be called no more, said next", "opt_out_line", { maxlength: 1000, autocomplete: "off" }, "“Press 9 for no more calls.”"),
      ),
      pair(
        field("Key that ends all calls", "opt_out_digit", { value: "9", maxlength: 1 }, "Whoever presses it is never called again."),
        field("Number at which the caller is reached", "callback_number", { type: "tel", placeholder: "+1…", autocomplete: "off" }, "{callback_number} in the text speaks it."),
      ),
      field("When a machine answers", "on_machine", { options: MACHINE, value: "go_on" }),
      when("on_machine", ["voicemail"], field("Message for the machine", "voicemail", { tag: "textarea", rows: 2 })),
      pair(field("Language", "language", { value: "en-US" }, "As in en-US or es-MX."), pair(field("Ring for, seconds", "ring_timeout_s", { type: "number", value: 25 }), field("Talk for, seconds", "talk_limit_s", { type: "number", value: 120 }))),
    ),
    group("How fast", pair(field("Seconds between calls", "call_delay_s", { type: "number", step: "any", value: 1 }), field("Lines at once, at most", "max_concurrent", { type: "number", value: 10 }))),
    group(
      "When",
      h("p", { class: "quiet" }, "Lawful calling hours hold for every person, wherever their phone may ring. Hours of your own only narrow them; several windows a day take YAML."),
      field("Time zone of your own hours", "zone", { placeholder: HERE, autocomplete: "off", list: "zones" }, "Left empty, the campaign has no hours of its own."),
      h("datalist", { id: "zones" }, ZONES.map((zone) => h("option", { value: zone }))),
      pair(field("From", "opens", { value: "09:00" }), field("To", "closes", { value: "20:00" })),
      h("fieldset", { class: "days" }, h("legend", null, "Days"), DAYS.map((day, index) => h("label", null, h("input", { type: "checkbox", name: "days", value: day, checked: index < 5 }), day))),
      field("Only if they may be called at any hour: why", "any_hour_because", { maxlength: 500, autocomplete: "off" }, "For news that cannot wait. Left empty, calling hours hold."),
    ),
    group(
      "Again",
      field("When is somebody tried again?", "tries", { options: TRIES, value: "usual" }),
      when("tries", ["usual", "waits"], pair(field("Attempts per person, at most", "max_attempts", { type: "number", min: 1, placeholder: "6, or 3 with waits of your own" }), field("Of these in 24 hours, at most", "max_per_day", { type: "number", min: 1, placeholder: "3" }))),
      when("tries", ["waits"], h("div", { class: "four" }, WAITS.map(([name, label, minutes]) => field(label, `wait_${name}`, { type: "number", step: "any", value: minutes }))), h("p", { class: "hint" }, "Left empty: not tried again after such an end.")),
      field("When the carrier cannot say whether it called", "doubt", { options: [["hold", "hold for a person: nobody is called twice"], ["redial", "call again later"]], value: "hold" }),
    ),
    group(
      "Not too often",
      h("p", { class: "quiet" }, "Caps count the calls of all campaigns. Laws ask for some of them; those of a state for sales calls hold by themselves."),
      h("fieldset", { class: "caps" }, h("legend", { class: "away" }, "Caps"), CAPS.map(([name, label, meaning]) => h("label", null, h("input", { type: "checkbox", name: "caps", value: name }), h("span", null, label, h("span", { class: "sub" }, meaning))))),
      pair(field("A cap of your own: calls, at most", "cap_most", { type: "number", min: 1 }), field("within hours", "cap_within_h", { type: "number", step: "any", min: 0 })),
    ),
    h("div", { class: "buttons" }, h("a", { class: "button", href: "#/" }, "Cancel"), go),
  );
  const arrange = () => {
    for (const part of form.querySelectorAll("[data-when]")) part.hidden = !part.dataset.among.split(" ").includes(form.elements[part.dataset.when].value);
  };
  arrange();
  form.addEventListener("change", arrange);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(go, form, (paths) => filled(form, paths));
  });
  return form;
}

function question() {
  return h(
    "details",
    { class: "question" },
    h("summary", null, "A question that is answered by a key"),
    field("Question", "question", { tag: "textarea", rows: 2 }, "Spoken after the text: “Press 1 if you are coming, 2 to talk to us.”"),
    KEYS.map((key, at) => {
      const cell = (label, name, attributes) => field(label, `${name}_${at}`, { autocomplete: "off", "aria-label": `${label}, answer ${at + 1}`, ...attributes });
      return h("div", { class: "answer" }, cell("Key", "key", { maxlength: 1, value: key }), cell("It means", "means", { maxlength: 60, placeholder: ["yes", "talk", "no"][at] }), cell("Then say", "then", {}), cell("Then connect to", "connect", { type: "tel", placeholder: "+1…" }));
    }),
    h("p", { class: "hint" }, "Answers without a meaning are left out. What was pressed is kept with the attempt and in the exports."),
    field("Pause when so many were connected and found nobody", "max_abandon", { options: ABANDONED, value: "0.025" }, "Of those who answered, over 30 days."),
  );
}

function group(title, ...fields) {
  return h("fieldset", { class: "group" }, h("legend", null, title), fields);
}

function pair(...fields) {
  return h("div", { class: "pair" }, fields);
}

function when(name, among, ...fields) {
  return h("div", { "data-when": name, "data-among": among.join(" ") }, fields);
}

// What is empty is left out: the API has its own defaults, and its own word for what must not be left out. `paths` learns
// which input fills which place of the campaign.
function filled(form, paths) {
  const text = (name) => form.elements[name].value.trim();
  const fills = (path, name, part) => paths.set(path, { input: form.elements[name], part });
  const some = (under, ...names) => {
    for (const name of names) fills(`${under}${name}`, name);
    return Object.fromEntries(names.filter((name) => text(name)).map((name) => [name, text(name)]));
  };
  const chosen = (name) => [...form.querySelectorAll(`input[name=${name}]:checked`)].map((one) => one.value);
  const campaign = {
    ...some("", "name", "purpose", "voice", "any_hour_because", "doubt"),
    from_numbers: text("from_numbers").split(/[\s,;]+/).filter(Boolean),
    call: some("call.", "identification", "opt_out_line", "callback_number", "language", "opt_out_digit", "ring_timeout_s", "talk_limit_s"),
    pacing: some("pacing.", "call_delay_s", "max_concurrent", "max_abandon"),
    retry: retry(form, text, fills),
    caps: caps(chosen("caps"), text, fills),
  };
  campaign.call.opt_out_digit = text("opt_out_digit"); // left empty, no key ends all calls
  fills("from_numbers", "from_numbers");
  fills("call", "say", true);
  Object.assign(campaign.call, spoken(text, fills), machine(text, fills));
  if (text("zone")) campaign.hours = { ...some("hours.", "zone", "opens", "closes"), days: chosen("days") };
  fills("hours", "zone", true);
  fills("hours.days", "zone", true);
  return campaign;
}

function spoken(text, fills) {
  const answers = KEYS.map((_, at) => at).filter((at) => text(`means_${at}`));
  if (!text("question") && !answers.length) {
    fills("call.say", "say");
    return text("say") ? { say: text("say") } : {};
  }
  const script = text("say") ? [{ say: text("say") }] : [];
  if (script.length) fills("call.script.0.say", "say");
  const menu = `call.script.${script.length}.menu`;
  fills(menu, "question", true);
  fills(`${menu}.say`, "question");
  fills(`${menu}.keys`, "means_0", true);
  const keys = Object.fromEntries(answers.map((at) => [text(`key_${at}`), answer(text, fills, at, `${menu}.keys.${text(`key_${at}`)}`)]));
  script.push({ menu: { name: "answer", ...(text("question") && { say: text("question") }), keys } });
  return { script };
}

function answer(text, fills, at, path) {
  fills(path, `key_${at}`, true);
  fills(`${path}.outcome`, `means_${at}`);
  const then = [];
  if (text(`then_${at}`)) {
    fills(`${path}.then.${then.length}`, `then_${at}`, true);
    then.push({ say: text(`then_${at}`) });
  }
  if (text(`connect_${at}`)) {
    fills(`${path}.then.${then.length}`, `connect_${at}`, true);
    then.push({ transfer: { to: text(`connect_${at}`) } });
  }
  return { outcome: text(`means_${at}`), then };
}

function machine(text, fills) {
  const what = text("on_machine");
  fills("call.on_machine", "on_machine");
  fills("call.voicemail", "voicemail");
  if (what === "go_on") return {};
  return { detect_machine: true, on_machine: what, ...(what === "voicemail" && { voicemail: text("voicemail") }) };
}

function retry(form, text, fills) {
  const tries = text("tries");
  if (tries === "once") return { max_attempts: 1, delays_s: {} };
  const told = {};
  for (const name of ["max_attempts", "max_per_day"]) {
    fills(`retry.${name}`, name);
    if (text(name)) told[name] = text(name);
  }
  fills("retry", "tries", true);
  if (tries === "usual") return told;
  for (const [name] of WAITS) fills(`retry.delays_s.${name}`, `wait_${name}`);
  const waits = WAITS.filter(([name]) => text(`wait_${name}`)).map(([name]) => [name, Math.round(60 * text(`wait_${name}`))]);
  return { ...told, delays_s: Object.fromEntries(waits) };
}

function caps(named, text, fills) {
  const at = named.length;
  fills("caps", "cap_most", true);
  fills(`caps.${at}.CapForm.most`, "cap_most");
  fills(`caps.${at}.CapForm.within_h`, "cap_within_h");
  const own = { ...(text("cap_most") && { most: text("cap_most") }), ...(text("cap_within_h") && { within_h: text("cap_within_h") }) };
  return Object.keys(own).length ? [...named, own] : named;
}

const EXAMPLE = `name: Appointment reminders
from_numbers: ["+13105550100"]
call:
  say: Hello {name}. You have an appointment on {appointment}. Press 9 for no more calls.
  opt_out_digit: 9
pacing:
  call_delay_s: 1
  max_concurrent: 10
`;

function byYaml(attempt) {
  const go = h("button", { type: "submit", class: "primary" }, "Make the draft");
  const form = h(
    "form",
    { class: "create", novalidate: true },
    group("The campaign, as YAML", field("As the command line takes it", "yaml", { tag: "textarea", rows: 22, spellcheck: "false", class: "code", value: EXAMPLE }, "`dialer campaign example` prints all that may stand here.")),
    h("div", { class: "buttons" }, h("a", { class: "button", href: "#/" }, "Cancel"), go),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(go, form, () => read(form.elements.yaml.value));
  });
  return form;
}

// Read without guessing, as the command line does: only null is not text, so that +1212… and 08:00 stay as they are.
function read(text) {
  let form;
  try {
    form = jsyaml.load(text, { schema: jsyaml.FAILSAFE_SCHEMA.withTags(jsyaml.nullCoreTag) });
  } catch (wrong) {
    const line = wrong.mark ? `Line ${wrong.mark.line + 1}: ` : "";
    throw new Error(`${line}${wrong.reason || "this is not YAML"}`);
  }
  if (form === null || typeof form !== "object" || Array.isArray(form)) throw new Error("There is no campaign in it: write lines such as `name: …`");
  return form;
}
