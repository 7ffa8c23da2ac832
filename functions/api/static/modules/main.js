// The page: which view is shown, how often it is asked for anew, and what its buttons do.
import { VERBS } from "./words.js";
import { h, icon, morph, say, table } from "./dom.js";
import { clock, count, present, span } from "./times.js";
import { get, onceOnly, post, Refused, rowsOf, session, upload } from "./api.js";
import { forgetCharts } from "./charts.js";
import { closeDialogs, dialog, field, show, WHY } from "./dialogs.js";
import { loginView } from "./login.js";
import { campaignsView } from "./campaigns.js";
import { campaignView } from "./campaign.js";
import { contactView, peopleView } from "./contact.js";
import { createView } from "./create.js";

const AGAIN_MS = 5000;
const ENDED = "Your token is no longer valid: it was revoked, or has expired. Sign in with another one.";
const HALT = "M5 1h6l4 4v6l-4 4H5l-4-4V5z";
let view = null;
let seen = null; // what the view was last drawn from
let shown = false; // whether it has been drawn at all
let seenAt = null;
let timer = 0;
let turn = 0; // grows with every view: an answer for an earlier one is dropped

function route() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(plain);
  if (parts[0] === "campaigns" && parts[1] === "in") return campaignsView(parts[2]);
  if (parts[0] === "campaigns" && parts[1]) return campaignView(encodeURIComponent(parts[1]));
  if (parts[0] === "contacts" && parts[1]) return contactView(encodeURIComponent(parts[1]));
  if (parts[0] === "people") return peopleView();
  if (parts[0] === "new") return createView((made) => { location.hash = `#/campaigns/${made.id}`; say("The draft is made. Add a list, then start it."); });
  return campaignsView("");
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone %
  }
}

async function enter() {
  clearTimeout(timer);
  turn += 1;
  forgetCharts();
  if (!session.token) return leave("");
  if (!session.who) {
    frame(h("main", { id: "main", tabindex: "-1" }, h("p", { class: "waiting", role: "status" }, "Looking …")));
    try {
      session.who = await get("/tokens/own");
    } catch (refused) {
      return troubled(refused, enter);
    }
  }
  view = route();
  seen = null;
  shown = false;
  title(view.title);
  frame(h("main", { id: "main", tabindex: "-1" }, h("p", { class: "waiting", role: "status" }, "Looking …")), true);
  return look(turn);
}

async function look(mine) {
  clearTimeout(timer);
  try {
    const found = await view.load();
    if (mine !== turn) return;
    const first = !shown;
    seen = found;
    shown = true;
    seenAt = present();
    trouble("");
    if (view.titleOf) title(view.titleOf(seen));
    put(view.draw(seen));
    if (view.drawn) view.drawn(seen);
    if (first) document.getElementById("main").focus({ preventScroll: true });
  } catch (refused) {
    if (mine !== turn) return;
    if (!troubled(refused, () => look(mine))) return;
  }
  if (view.every) timer = setTimeout(() => (document.hidden ? wait(mine) : look(mine)), view.every);
}

// Nobody looks: nothing is asked until somebody does.
function wait(mine) {
  document.addEventListener("visibilitychange", () => mine === turn && look(mine), { once: true });
}

// What is wrong, and what to do. True where it may be asked again by itself.
function troubled(refused, again) {
  if (refused instanceof Refused && refused.status === 401) {
    leave(ENDED);
    return false;
  }
  if (passes(refused)) {
    const known = shown ? ` What you see is from ${clock(seenAt.toISOString(), null, true)}.` : "";
    trouble(`${refused.message}${known} It is tried again every few seconds.`);
    if (!shown) {
      clearTimeout(timer);
      timer = setTimeout(again, AGAIN_MS);
      return false;
    }
    return true;
  }
  put(h("main", { id: "main", tabindex: "-1" }, h("div", { class: "empty" }, h("p", { class: "empty-title" }, refused.message), h("p", null, h("a", { href: "#/" }, "Go to the campaigns"), "."))));
  return false;
}

function passes(refused) {
  return !(refused instanceof Refused) || refused.status >= 429;
}

function leave(sentence) {
  closeDialogs();
  clearTimeout(timer);
  turn += 1;
  session.end();
  view = null;
  seen = null;
  shown = false;
  title("Sign in");
  document.getElementById("app").replaceChildren(loginView(sentence, enter));
  document.querySelector("[name=token]").focus();
}

function title(text) {
  document.title = `${text} · Dialer`;
}

function frame(main, anew) {
  const app = document.getElementById("app");
  if (app.querySelector(".top") && !anew) return put(main);
  app.replaceChildren(...(session.who ? [top()] : []), h("div", { id: "trouble", role: "alert" }), main); // nobody yet, after a reload
  return main;
}

function put(next) {
  const main = document.getElementById("main");
  morph(main, next);
}

function trouble(text) {
  const place = document.getElementById("trouble");
  if (!place || place.textContent === text) return;
  place.replaceChildren(...(text ? [h("p", null, text)] : []));
}

function top() {
  const link = (address, label) => h("a", { href: address, "aria-current": location.hash.startsWith(address) && (address !== "#/" || location.hash.length < 3) ? "page" : null }, label);
  return h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: "#/" }, "Dialer"),
    h("nav", { "aria-label": "Main" }, link("#/", "Campaigns"), link("#/people", "People")),
    h("span", { class: "who" }, session.who.name, h("span", { class: "role" }, session.who.role)),
    session.mayChange && h("button", { type: "button", class: "danger", "data-do": "stop-all" }, icon(HALT), " Stop everything"),
    h("button", { type: "button", class: "plain", "data-do": "leave" }, "Sign out"),
  );
}

// -- what buttons do -------------------------------------------------------------------------------------------------

const DEEDS = {
  leave: () => leave("You are signed out."),

  turn: async ({ id, verb }) => {
    const { title: heading, text, done, why, danger, label } = VERBS[verb];
    const turned = await dialog({ title: heading, text, confirm: label, danger, fields: why && WHY(), busy: why ? "Waiting until no call can leave …" : "Asking …", act: ({ reason }) => post(`/campaigns/${id}/${verb}`, reason ? { reason } : {}) });
    if (turned) say(done);
  },

  "stop-all": async () => {
    const halted = await dialog({
      title: "Stop everything?",
      text: "Every running campaign is paused, and no draft starts by itself. Calls that are on go on to their end. Each campaign is resumed by itself, by hand.",
      confirm: "Stop everything",
      danger: true,
      fields: WHY(),
      busy: "Waiting until no call can leave …",
      act: ({ reason }) => post("/stop-all", reason ? { reason } : {}),
    });
    if (halted) tellHalted(halted);
  },

  resolve: async ({ id, to }) => {
    const again = to === "pending";
    const moved = await dialog({
      title: again ? "Call this person again?" : "Give this person up?",
      text: again ? "Only when you know that they were not called: otherwise this would be the second call. It needs an attempt that is left." : "They are settled as not reached, and not called again in this campaign.",
      confirm: again ? "Call again" : "Give up",
      danger: again,
      fields: field("How you know (no names, no numbers)", "reason", { required: true, maxlength: 200, autocomplete: "off" }),
      act: ({ reason }) => post(`/contacts/${id}/resolve`, { to, reason }, { once: onceOnly() }),
    });
    if (moved) say(again ? "Decided: this person waits for their next attempt." : "Decided: this person is not called again.");
  },

  move: async ({ id, verb }) => {
    const words = { hold: ["Put this person on hold?", "Put on hold", "On hold: not called until somebody releases them."], release: ["Release this person?", "Release", "Released: due when they were before the hold, or at once where that is past."], cancel: ["Cancel this person?", "Cancel the person", "Cancelled: not called any more in this campaign."] }[verb];
    const moved = await dialog({ title: words[0], confirm: words[1], fields: WHY(), act: ({ reason }) => post(`/contacts/${id}/${verb}`, reason ? { reason } : {}) });
    if (moved) say(words[2]);
  },

  suppress: async () => {
    const outcome = await dialog({
      title: "Suppress a number",
      text: "It is not called again in any campaign. It is kept as a hash only.",
      confirm: "Suppress",
      danger: true,
      busy: "Waiting until no call can leave …",
      fields: [field("Phone, in international form", "phone", { type: "tel", required: true, autocomplete: "off" }), field("Why", "reason", { required: true, maxlength: 200, autocomplete: "off" })],
      act: ({ phone, reason }) => post("/suppressions", { phone, reason }),
    });
    if (outcome) say(outcome.new ? "Suppressed: no request to it can leave any more." : "It was suppressed already, and still is.");
  },

  export: async ({ id }) => {
    const begun = await dialog({
      title: "Export",
      text: "A CSV file with whole phone numbers in it. It is written by itself, and its link is good for an hour.",
      confirm: "Export",
      fields: field("What", "kind", { options: [["calls", "a line for each attempt"], ["contacts", "a line for each contact"]], value: "calls" }),
      act: ({ kind }) => post(`/campaigns/${id}/exports`, { kind }, { once: onceOnly() }),
    });
    if (begun) await tellExport(begun.id);
  },

  rejects: async ({ id }) => {
    const list = await get(`/lists/${id}`);
    const rows = await rowsOf(list.rejects_link, 50);
    const [heads = ["line", "reason"], ...shown] = rows;
    const download = h("a", { class: "button", href: list.rejects_link, download: "rejects.csv", rel: "noreferrer" }, "Download all of them");
    const content = h("div", null, h("p", null, `${count(list.counts.rejected)} of ${count(list.counts.rows)} rows were not taken. Correct them in your file and upload it again: whoever is known already is not added twice.`), table("Rejected rows", heads.map((one) => [one]), shown.map((cells, index) => ({ key: String(index), cells: heads.map((_, at) => cells[at] || "") }))), h("p", null, download));
    show({ title: `Rejects of ${list.name || "the list"}`, content });
  },
};

function tellHalted(halted) {
  const last = halted.last_permit_at ? `The last call was allowed at ${clock(halted.last_permit_at, null, true)}.` : "No call had been allowed.";
  const left = h("b", { class: "countdown" });
  const campaigns = halted.paused.length === 1 ? "1 campaign was running and is paused." : `${count(halted.paused.length)} campaigns were running and are paused.`;
  const box = show({
    title: "Everything is stopped",
    content: h("div", null, h("p", null, campaigns, halted.unscheduled > 0 && ` ${count(halted.unscheduled)} drafts no longer start by themselves.`), h("p", null, last, ` Since ${clock(halted.halted_at, null, true)} none is.`), h("p", { role: "status" }, "Last request that can still leave: ", left)),
  });
  const tick = () => {
    const seconds = (new Date(halted.no_request_after) - present()) / 1000;
    left.textContent = seconds > 0 ? `within ${span(Math.ceil(seconds))}` : `none, since ${clock(halted.no_request_after, null, true)}`;
    if (seconds > 0 && box.isConnected) setTimeout(tick, 250);
  };
  tick();
}

async function tellExport(id) {
  const state = h("p", { role: "status" }, "It is being written …");
  const box = show({ title: "Export", content: h("div", null, state) });
  for (let looks = 0; box.open; looks += 1) {
    try {
      const found = await get(`/exports/${id}`);
      state.textContent = found.state === "written" ? `${count(found.rows)} rows.` : `${count(found.rows)} rows so far …`;
      if (found.link) {
        state.after(h("p", null, h("a", { class: "button primary", href: found.link, rel: "noreferrer", download: "export.csv" }, "Download")));
        return;
      }
    } catch (refused) {
      state.textContent = passes(refused) ? `${refused.message} It is tried again every few seconds.` : refused.message;
      if (!passes(refused)) return;
    }
    await new Promise((done) => setTimeout(done, looks < 60 ? 1000 : AGAIN_MS));
  }
}

async function send(id, [file, ...others], place) {
  const bar = place.querySelector("progress");
  const region = place.querySelector(".region").value.trim().toUpperCase();
  bar.hidden = false;
  bar.value = 0;
  try {
    const begun = await post(`/campaigns/${id}/lists`, { name: file.name.slice(0, 200), region }, { once: onceOnly() });
    await upload(begun.upload, file, (part) => (bar.value = part));
    const left = others.length ? ` Of ${count(others.length + 1)} files only the first was sent: drop the others one at a time.` : "";
    say(`The file is there. It is read by itself; what became of its rows appears below.${left}`);
  } catch (refused) {
    if (session.who) say(refused.message, "bad");
  }
  bar.hidden = true;
  if (view && view.stir) view.stir();
  if (view) look(turn);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button || !DEEDS[button.dataset.do]) return;
  try {
    await DEEDS[button.dataset.do](button.dataset);
  } catch (refused) {
    if (session.who) say(refused.message, "bad"); // otherwise the login has said it
  }
  if (view) look(turn);
});

document.addEventListener("change", (event) => {
  if (event.target.dataset.do !== "upload" || !event.target.files.length) return;
  send(event.target.dataset.id, [...event.target.files], event.target.closest("[data-drop]"));
  event.target.value = "";
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const place = event.target.closest ? event.target.closest("[data-drop]") : null;
    if (kind !== "dragleave") event.preventDefault(); // a file that misses its place must not replace the page
    if (!place) return;
    place.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) send(place.dataset.drop, [...event.dataTransfer.files], place);
  });
}

session.ended = () => leave(ENDED);
addEventListener("hashchange", enter);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view && view.drawn && seen && view.drawn(seen));
let resized = 0;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => view && view.drawn && seen && view.drawn(seen), 100);
});
enter();
