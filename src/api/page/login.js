// Trades the one-time token behind the # for a session. The token never stands in a request line.
const byId = (id) => document.getElementById(id);

function say(text) {
  document.title = "Not opened · Posthorn";
  byId("title").textContent = "This link did not open Posthorn";
  byId("message").textContent = text;
  byId("help").hidden = false;
}

function post(path, body) {
  return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function open(token) {
  history.replaceState(null, "", "/login");
  const response = await post("/login", { token });
  const answer = await response.json();
  if (response.ok) location.replace(answer.next);
  else say(`${answer.error.message.split(";")[0]}.`);
}

function start() {
  const token = location.hash.slice(1);
  if (token) open(token).catch(() => say("The server does not answer. Is it still running?"));
  else say("The link has no token, or was opened before.");
}

window.addEventListener("hashchange", () => { if (location.hash) start(); });  // a new link, pasted into this tab
start();
