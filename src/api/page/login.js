// Trades the one-time token behind the # for a session. The token never stands in a request line.
const message = document.getElementById("message");

function say(text) {
  message.textContent = text;
  message.className = "notice";
}

async function open(token) {
  history.replaceState(null, "", "/login");
  const response = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  const answer = await response.json();
  if (response.ok) location.replace(answer.next);
  else say(answer.error.message);
}

const token = location.hash.slice(1);
if (token) open(token).catch(() => say("The server does not answer. Is it still running?"));
else say("This page needs a link with a token. Make one with: posthorn key link");
