// Dialogs: a question before every change, and its result after it. The browser keeps the focus inside, and gives it back.
import { h } from "./dom.js";

// Asks, does, and closes when it is done; a refusal is shown where it was asked for. Null where nobody agreed. While it is
// being done the question stays; where something closes it all the same, whoever asked hears of the refusal.
export function dialog({ title, text, fields, confirm, danger, act, busy }) {
  return new Promise((answer, fail) => {
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
    const cancel = h("button", { type: "button" }, "Cancel");
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      text && h("p", { id: "dialog-text" }, text),
      fields || [],
      problem,
      h("div", { class: "buttons" }, cancel, go),
    );
    const box = h("dialog", { "aria-labelledby": "dialog-title", "aria-describedby": text ? "dialog-text" : null }, form);
    let doing = false;
    const turnTo = (to) => {
      doing = to;
      go.disabled = cancel.disabled = doing;
      go.textContent = doing ? busy || "Asking …" : confirm;
      if (doing) box.setAttribute("closedby", "none"); // a second Escape would not be asked about
      else box.removeAttribute("closedby");
    };
    cancel.addEventListener("click", () => box.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      turnTo(true);
      try {
        answer((await act(Object.fromEntries(new FormData(form)))) || {});
        box.close();
      } catch (refused) {
        turnTo(false);
        if (!box.open) fail(refused);
        problem.textContent = refused.message;
        problem.hidden = false;
      }
    });
    box.addEventListener("cancel", (event) => doing && event.preventDefault());
    box.addEventListener("close", () => {
      box.remove();
      if (!doing) answer(null);
    });
    document.body.append(box);
    box.showModal();
  });
}

// Something that is only to be read.
export function show({ title, content }) {
  const close = h("button", { type: "submit", class: "primary" }, "Close");
  const form = h("form", { method: "dialog" }, h("h2", { id: "shown-title" }, title), content, h("div", { class: "buttons" }, close));
  const box = h("dialog", { "aria-labelledby": "shown-title" }, form);
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

export function closeDialogs() {
  for (const box of document.querySelectorAll("dialog")) box.close();
}

let fieldsMade = 0; // a dialog may have a field of a name that the view behind it has too

export function field(label, name, attributes, hint) {
  const id = `field-${(fieldsMade += 1)}`;
  const { options, tag = options ? "select" : "input", ...others } = attributes || {};
  const input = h(tag, { id, name, "aria-describedby": hint ? `${id}-hint` : null, ...others });
  if (options) input.append(...options.map(([value, text]) => h("option", { value, selected: value === others.value }, text)));
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

export const WHY = () =>
  field("Why (shown beside it and logged; no names, no numbers)", "reason", { maxlength: 200, autocomplete: "off" });
