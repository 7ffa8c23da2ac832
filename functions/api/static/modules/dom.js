// DOM: nodes made from data as text, never as markup, and a drawing brought up to date without touching what is the same.
import { toneOf, wordFor } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

// h("button", {class: "plain", "data-do": "pause"}, "Pause"); null, false and undefined are left out.
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) put(node, name, value);
  node.append(...children.flat(3).filter((child) => child !== null && child !== false && child !== undefined && child !== ""));
  return node;
}

function put(node, name, value) {
  if (value === null || value === false || value === undefined) return;
  if (name === "width%") node.style.width = `${value}%`;
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

export function icon(path, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute(label ? "aria-label" : "aria-hidden", label || "true");
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
}

// Makes `old` what `next` is. Nodes that stay keep their focus, their selection and how far they are scrolled. Whatever
// has `data-keep` belongs to somebody else after its first drawing: a form that is being filled in, a chart.
export function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || keyOf(old) !== keyOf(next)) {
    old.replaceWith(next);
    return next;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return old;
  }
  if (old.hasAttribute("data-keep")) return old;
  morphAttributes(old, next);
  morphChildren(old, next);
  return old;
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

function morphAttributes(old, next) {
  for (const { name, value } of next.attributes) {
    if (name === "style") old.style.cssText = next.style.cssText;
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    const theirs = name === "open" && old.nodeName === "DETAILS"; // whoever looks has opened it
    if (!next.hasAttribute(name) && !theirs) old.removeAttribute(name);
  }
}

function morphChildren(old, next) {
  const kept = new Map([...old.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let place = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted);
    const same = key ? kept.get(key) : place && !keyOf(place) ? place : null;
    if (!same) {
      old.insertBefore(wanted, place);
      continue;
    }
    if (same !== place) old.insertBefore(same, place);
    const there = morph(same, wanted);
    place = there.nextSibling;
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

export function pill(words, key) {
  return h("span", { class: `pill ${toneOf(words, key)}` }, wordFor(words, key));
}

export function empty(title, ...advice) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", null, ...advice));
}

// Columns: [label, class], of which "number" stands at the right and "brief" in one line. Rows: {key, cells}. On a phone each cell says its column.
export function table(caption, columns, rows, attributes) {
  return h(
    "div",
    { class: `scroll ${rows.length > 12 ? "long" : ""}`, tabindex: "0", role: "group", "aria-label": caption },
    h(
      "table",
      attributes,
      h("caption", { class: "away" }, caption),
      h("thead", null, h("tr", null, columns.map(([label, kind]) => h("th", { scope: "col", class: kind }, label)))),
      h(
        "tbody",
        null,
        rows.map(({ key, cells }) =>
          h(
            "tr",
            { "data-key": key },
            cells.map((cell, index) => h("td", { class: columns[index][1], "data-label": columns[index][0] }, h("div", null, cell))),
          ),
        ),
      ),
    ),
  );
}

export function section(title, aside, ...content) {
  const id = `section-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return h(
    "section",
    { "aria-labelledby": id, "data-key": id },
    h("header", { class: "section-head" }, h("h2", { id }, title), aside && h("div", { class: "aside" }, aside)),
    ...content,
  );
}

let newsTimer = 0;

// Said aloud by screen readers, shown for a while to everybody.
export function say(text, tone) {
  const place = document.getElementById("news");
  clearTimeout(newsTimer);
  place.replaceChildren(h("p", { class: tone || "good" }, text));
  newsTimer = setTimeout(() => place.replaceChildren(), 12000);
}
