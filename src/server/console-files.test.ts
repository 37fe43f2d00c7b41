import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { openHouse } from "./doubles.test-support.ts";

const script = `console.log(${JSON.stringify("x".repeat(2000))})`;
const files = new Map([
  ["index.html", Buffer.from('<html><meta content="__NONCE__"><script src="/console/assets/a.js"></script></html>')],
  ["assets/a.js", Buffer.from(script)],
]);

test("every place within the console gets the page, with a nonce of its own and a policy that lets nothing else in", async () => {
  await using house = await openHouse({ console: files });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(house.url + path, { headers, redirect: "manual" });
  const nonces = new Set<string>();
  for (const path of ["/console/", "/console/events?page=2", "/console/no/such/place"]) {
    const answer = await get(path);
    assert.equal(answer.status, 200);
    const policy = answer.headers.get("content-security-policy") ?? "";
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? "";
    assert.ok((await answer.text()).includes(`content="${nonce}"`) && nonce.length > 20);
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    nonces.add(nonce);
  }
  assert.equal(nonces.size, 3);
  assert.equal((await get("/console")).headers.get("location"), "/console/");
});

test("its parts are compressed as asked and kept by browsers; what is not there is not the page", async () => {
  await using house = await openHouse({ console: files });
  const { request } = await import("node:http");
  const raw = (encoding: string): Promise<{ headers: Record<string, unknown>; body: Buffer }> =>
    new Promise((resolve, reject) => {
      request(`${house.url}/console/assets/a.js`, { headers: { "accept-encoding": encoding } }, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(pieces) }));
      })
        .on("error", reject)
        .end();
    });
  const [br, gzip, plain] = await Promise.all(["gzip, br", "gzip", "identity"].map(raw));
  assert.equal(brotliDecompressSync(br!.body).toString(), script);
  assert.equal(gunzipSync(gzip!.body).toString(), script);
  assert.equal(plain!.body.toString(), script);
  assert.match(String(plain!.headers["cache-control"]), /immutable/);
  const again = await fetch(`${house.url}/console/assets/a.js`, {
    headers: { "if-none-match": String(plain!.headers.etag) },
  });
  assert.equal(again.status, 304);
  assert.equal((await fetch(`${house.url}/console/assets/gone.js`)).status, 404);
});

test("a console that was not built says what to do", async () => {
  await using house = await openHouse();
  const answer = await fetch(`${house.url}/console/`);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /npm run build/);
});
