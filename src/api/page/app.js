// The live page: the list of broadcasts, and one broadcast as it goes. No framework.
import { showBroadcast } from "/page/broadcast.js";
import { showList } from "/page/list.js";
import { act, explain, persist } from "/page/server.js";

async function main() {
  const { role } = await persist(() => act("ping"));
  const match = location.pathname.match(/^\/broadcasts\/(\d+)$/);
  if (match) await showBroadcast(Number(match[1]), role);
  else await showList();
}

main().catch(explain);
