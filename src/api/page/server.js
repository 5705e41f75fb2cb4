// Talking to the server: actions, the stream of a broadcast, and what a person reads when neither works.
import { byId } from "/page/text.js";

const SLOW_AFTER = 4000;    // an interruption shorter than this is nobody's business
const TRY_AGAIN = 3000;
const HIDDEN_EVERY = 10000;

class Refused extends Error {
  constructor(error, status) {
    super(error.message);
    this.status = status;
  }
}

export function notice(text) {
  const box = byId("notice");
  if (box.textContent !== text) box.textContent = text;
  box.hidden = !text;
}

// Nothing is asked after this: the server counts wrong credentials, and would soon refuse this address a new session.
let signedOut = false;
export const isSignedOut = () => signedOut;

function signOut() {
  signedOut = true;
  notice("");
  for (const section of document.querySelectorAll("main > :not(#signed-out)")) section.hidden = true;
  if (byId("confirm").open) byId("confirm").close();
  byId("signed-out").hidden = false;
  document.title = "Not signed in · Posthorn";
}

export async function act(name, parameters = {}) {
  const response = await fetch(`/api/actions/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(parameters),
  });
  const answer = await response.json();
  if (response.status === 401) signOut();
  if (!response.ok) throw new Refused(answer.error, response.status);
  return answer;
}

export function explain(error) {
  if (signedOut) return;
  notice(error instanceof Refused ? error.message : "The server does not answer. This page tries again by itself.");
}

// Calls work() until it succeeds once or is refused.
export async function persist(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      explain(error);
      if (error instanceof Refused && error.status < 500) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
  }
}

// work() now and every so often while the page is seen.
export function repeat(work, every) {
  const round = async () => {
    if (signedOut) return;
    try {
      if (!document.hidden) await work();
    } catch (error) {
      explain(error);
    }
    if (!signedOut) setTimeout(round, every);
  };
  return round();
}

// Gives every new state of a broadcast to `show`. A hidden page asks now and then instead: browsers allow six open
// connections to a server, and a stream in each of many tabs would take them all.
export function follow(id, show) {
  let stream = null, polling = 0, trouble = 0;

  const fine = (broadcast) => {
    clearTimeout(trouble);
    trouble = 0;
    notice("");
    show(broadcast);
  };
  const close = () => {
    stream?.close();
    stream = null;
    clearInterval(polling);
  };
  const check = () => act("get_broadcast", { id }).then(fine, explain);
  const failed = () => {
    trouble ||= setTimeout(() => explain(null), SLOW_AFTER);
    if (stream?.readyState !== EventSource.CLOSED) return;  // the browser connects again by itself
    stream = null;
    setTimeout(async () => {
      await check();
      if (signedOut) clearTimeout(trouble);
      else if (!stream) open();
    }, TRY_AGAIN);
  };
  const open = () => {
    close();
    if (signedOut) return;
    if (document.hidden) {
      polling = setInterval(() => signedOut ? close() : check(), HIDDEN_EVERY);
      return;
    }
    stream = new EventSource(`/api/broadcasts/${id}/events`);
    stream.addEventListener("broadcast", (event) => fine(JSON.parse(event.data)));
    stream.addEventListener("error", failed);
  };
  document.addEventListener("visibilitychange", open);
  open();
}
