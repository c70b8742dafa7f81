// Keeps what the page has loaded, for when there is no network. While there is one, the
// newest files win, so that a page is never put together of two versions.

const KEPT = "nst_tf-paint";

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || new URL(url).origin !== location.origin) return;
  event.respondWith(newest(event));
});

async function newest(event) {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(keep(kept, event.request, answer.clone()));
    return answer;
  } catch (error) {
    const found = await kept.match(event.request, { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}

async function keep(kept, request, answer) {
  await kept.delete(request, { ignoreSearch: true }); // an older version
  await kept.put(request, answer);
}

// What was loaded before this was there; the page names it.
addEventListener("message", (event) => event.waitUntil(keepAll(event)));

async function keepAll({ data, ports }) {
  const kept = await caches.open(KEPT);
  for (const address of data) {
    if (await kept.match(address)) continue;
    await kept.delete(address, { ignoreSearch: true }); // an older version
    await kept.add(address).catch(() => {});
  }
  ports[0]?.postMessage("kept");
}
