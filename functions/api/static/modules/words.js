// Words: what the dialer's terms are called on the page, and in which colour they stand. A colour never stands alone.

export const CAMPAIGN_STATES = {
  draft: ["Draft", "idle"],
  running: ["Running", "good"],
  paused: ["Paused", "warn"],
  stopped: ["Stopped", "idle"],
  archived: ["Archived", "idle"],
};

// In the order in which a contact lives through them.
export const STATES = {
  pending: ["Waiting", "wait"],
  claimed: ["Queued", "move1"],
  dialing: ["Dialing", "move2"],
  placed: ["On the line", "move3"],
  uncertain: ["Uncertain", "warn"],
  held: ["Held", "held"],
  done: ["Reached", "good"],
  failed: ["Not reached", "bad"],
  suppressed: ["Suppressed", "idle"],
};

export const STAGES = {
  queued: ["Queued", "move1", "promised to somebody whose dial time has not come"],
  dialing: ["Dialing", "move2", "a request to the carrier is being made"],
  placed: ["Placed", "move3", "the carrier has the call"],
  ringing: ["Ringing", "move4", "the phone rings"],
  talking: ["Talking", "good", "somebody, or a machine, has answered"],
  uncertain: ["Uncertain", "warn", "nobody knows yet whether a call went out"],
};

// What the carrier says of a call that goes on; before it has said anything, the contact's own state stands there.
export const STATUSES = {
  queued: ["Placed", "move3"],
  initiated: ["Placed", "move3"],
  ringing: ["Ringing", "move4"],
  answered: ["Talking", "good"],
  "in-progress": ["Talking", "good"],
  ...STATES,
};

export const OUTCOMES = {
  answered: ["Answered by a person", "good"],
  machine: ["Answered by a machine", "move3"],
  voicemail: ["Voicemail left", "move3"],
  busy: ["Busy", "warn"],
  "no-answer": ["No answer", "wait"],
  failed: ["Failed", "bad"],
  canceled: ["Cancelled", "idle"],
  rejected: ["Turned away", "bad"],
  refused: ["Refused by the carrier", "held"],
  unknown: ["Unknown", "move1"],
};

export const VERBS = {
  start: {
    label: "Start",
    title: "Start this campaign?",
    text: "Its contacts are called from now on, within their calling hours.",
    done: "Started. The first calls go out within a minute.",
  },
  pause: {
    label: "Pause",
    title: "Pause this campaign?",
    text: "No new call is made. Calls that are on go on to their end. It can be resumed.",
    done: "Paused: no request of this campaign can leave any more.",
    why: true,
  },
  resume: {
    label: "Resume",
    title: "Resume this campaign?",
    text: "Calling goes on where it was paused.",
    done: "Resumed. The next calls go out within a minute.",
  },
  stop: {
    label: "Stop",
    title: "Stop this campaign for good?",
    text: "A stopped campaign cannot be started again. Calls that are on go on to their end.",
    done: "Stopped: no request of this campaign can leave any more.",
    why: true,
    danger: true,
  },
  archive: {
    label: "Archive",
    title: "Archive this campaign?",
    text: "It is put away. What it did can still be looked at.",
    done: "Archived.",
  },
};

export const PURPOSES = [
  ["informational", "to inform: reminders, alerts"],
  ["survey", "a survey"],
  ["telemarketing", "to sell"],
  ["collections", "to collect a debt"],
  ["political", "politics"],
  ["charity", "a charity"],
];

export const VOICES = [
  ["prerecorded", "a recording, or a text read by a machine"],
  ["live", "a person"],
  ["ai", "an AI"],
];

export const CAPS = [
  ["three-a-day", "Three a day", "at most 3 calls in 24 hours: Florida, Maryland, Oklahoma, Oregon"],
  ["residential-prerecorded", "Recordings to homes", "at most 3 in 30 days without consent: US"],
  ["health", "Health messages", "at most 1 a day and 3 in 7 days: US"],
  ["reg-f", "Debt collection", "at most 7 in 7 days, and none for 7 days after a conversation, for each account_id: US"],
  ["massachusetts-collections", "Debt collection, Massachusetts", "at most 2 in 7 days for each account_id"],
  ["maine-automated", "Automated calls, Maine", "at most 1 in 8 hours"],
  ["france", "Sales calls, France", "at most 4 in 30 days"],
  ["after-an-answer", "After an answer, UK", "none for 72 hours after a call that a person answered, abandoned or not"],
];

export function wordFor(words, key) {
  return (words[key] || [key, "idle"])[0];
}

export function toneOf(words, key) {
  return (words[key] || [key, "idle"])[1];
}

export function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}

export const TERMINAL_STATES = [
  ["done", "good"],
  ["failed", "bad"],
  ["suppressed", "idle"],
  ["held", "held"],
];
