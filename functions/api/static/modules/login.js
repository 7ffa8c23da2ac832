// The way in: a token, typed or pasted, kept for this tab alone.
import { h } from "./dom.js";
import { get, session } from "./api.js";
import { field } from "./dialogs.js";

const SENDABLE = /^[!-~]+$/; // in a header

export function loginView(sentence, entered) {
  const problem = h("p", { class: "problem", role: "alert", hidden: !sentence }, sentence || "");
  const go = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h(
    "form",
    { class: "login", "data-keep": true, autocomplete: "off" },
    h("h1", null, "Dialer"),
    h("p", null, "Bring your token. An operator makes one for you, or whoever deployed the dialer makes the first."),
    field("Token", "token", { type: "password", required: true, spellcheck: "false", autocomplete: "off" }),
    problem,
    go,
    h("p", { class: "hint" }, "It stays in this tab, and is forgotten when you close it or sign out."),
  );
  const complain = (text) => {
    problem.textContent = text;
    problem.hidden = false;
    form.elements.token.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = form.elements.token.value.trim();
    if (!SENDABLE.test(token)) return complain("This cannot be a token: it has a space in it, or a letter beyond A to Z. Copy it again.");
    go.disabled = true;
    session.begin(token);
    try {
      session.who = await get("/tokens/own");
      form.elements.token.value = "";
      entered();
    } catch (refused) {
      session.end();
      go.disabled = false;
      complain(refused.status === 401 ? "This token is not valid: it is mistyped, revoked or expired." : refused.message);
    }
  });
  return h("main", { id: "main", class: "narrow", tabindex: "-1" }, form);
}
