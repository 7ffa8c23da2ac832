// The API: every request brings the token, every refusal becomes one sentence. The token is forgotten with the tab.
import { heard } from "./times.js";

const TOKEN = "dialer-token";
const PATIENCE_MS = 30000;

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export class Unreachable extends Error {}

export const session = {
  who: null, // the token that is used: its name, role and end
  ended: () => {}, // what happens when the API takes the token no more, whoever has asked

  get token() {
    return sessionStorage.getItem(TOKEN) || "";
  },

  begin(token) {
    sessionStorage.setItem(TOKEN, token);
  },

  end() {
    sessionStorage.removeItem(TOKEN);
    this.who = null;
  },

  get mayChange() {
    return this.who !== null && this.who.role === "operator";
  },
};

export async function ask(method, path, body, { once } = {}) {
  const { token } = session;
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (once) headers["Idempotency-Key"] = once;
  const options = { method, headers, cache: "no-store", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) options.body = JSON.stringify(body);
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Unreachable("The API does not answer. Is the network there, and the dialer deployed?");
  }
  heard(reply.headers.get("Date"));
  if (reply.status === 401 && session.who && session.token === token) session.ended();
  return told(reply);
}

async function told(reply) {
  let said = null;
  try {
    said = await reply.json();
  } catch {
    if (reply.ok) throw new Unreachable("The API's answer cannot be read.");
  }
  if (reply.ok) return said;
  const sentence = said && typeof said.detail === "string" ? said.detail : `The API answered with ${reply.status}.`;
  if (reply.status >= 502 || (reply.status === 500 && !said)) throw new Unreachable(sentence);
  throw new Refused(reply.status, sentence);
}

export const get = (path) => ask("GET", path);
export const post = (path, body, options) => ask("POST", path, body || {}, options);

// A text of our own for a request that may be repeated.
export function onceOnly() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Puts a file into the store with the form that the API has signed; tells how far it is, from 0 to 1.
export function upload({ url, fields }, file, tell) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.upload.onprogress = (event) => tell(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => (request.status < 300 ? done() : failed(new Refused(request.status, "The store does not take this file.")));
    request.onerror = () => failed(new Unreachable("The store does not answer: the file was not sent."));
    request.open("POST", url);
    request.send(form);
  });
}

// The first rows of a CSV file in the store: not more of a long one than is shown.
export async function rowsOf(link, most) {
  let text = "";
  try {
    const reply = await fetch(link, { referrerPolicy: "no-referrer", headers: { Range: "bytes=0-65535" } });
    if (!reply.ok) throw new Error(String(reply.status));
    text = await reply.text();
  } catch {
    throw new Unreachable("The store does not answer.");
  }
  return parsed(text, most + 1);
}

function parsed(text, most) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const sign = text[at];
    if (quoted) {
      if (sign === '"' && text[at + 1] === '"') cell += text[(at += 1)];
      else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"') quoted = true;
    else if (sign === ",") {
      row.push(cell);
      cell = "";
    } else if (sign === "\n") {
      rows.push([...row, cell.replace(/\r$/, "")]);
      row = [];
      cell = "";
    } else cell += sign;
  }
  return rows;
}
