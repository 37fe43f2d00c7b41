import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { callers, get, openHouse, post, problemOf, sampleEvent, send } from "./doubles.test-support.ts";

const accounts = "/api/v1/accounts";
const own = callers.admin.account;
const other = callers.other.account;

async function json(answer: globalThis.Response): Promise<Record<string, unknown>> {
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Record<string, unknown>;
}

const shown = (id: string) => ({
  id,
  name: `name of ${id}`,
  created: new Date(1_700_000_000_000).toISOString(),
  size: 7,
  logVisibility: "private",
  retentionDays: null,
  minimumIndex: 0,
});

test("an operator sees every account, an administrator their own (I7)", async () => {
  await using house = await openHouse();
  const all = await json(await send(house, "GET", accounts));
  assert.deepEqual(all, { accounts: [shown("0"), shown(own), shown(other)] });
  assert.deepEqual(await json(await send(house, "GET", accounts, undefined, { as: "other" })), {
    accounts: [shown(other)],
  });
  assert.equal((await get(house, accounts, "auditor")).status, 403);
});

test("an operator makes an account, opens its log and says how long it keeps, and it is told where it concerns", async () => {
  const told: CallRecord[] = [];
  await using house = await openHouse({ onCall: (record) => void told.push(record) });
  const made = await json(await send(house, "POST", accounts, { name: "acme" }));
  const id = String(made.id);
  assert.deepEqual(made, { ...shown(id), name: "acme" });
  assert.equal((await problemOf(await send(house, "POST", accounts, { name: "acme" }))).code, "already-exists");
  const opened = await json(await send(house, "PATCH", `${accounts}/${id}`, { logVisibility: "all" }));
  assert.equal(opened.logVisibility, "all");
  const retention = `${accounts}/${id}/retention`;
  assert.deepEqual(await json(await send(house, "PUT", retention, { days: 90 })), {
    account: id,
    days: 90,
    minimumIndex: 0,
  });
  assert.equal((await json(await send(house, "GET", retention))).days, 90);
  assert.equal((await json(await send(house, "PUT", retention, { days: null }))).days, null);
  await send(house, "PUT", `${accounts}/${own}/retention`, { days: 7 });
  const logs = told.flatMap(({ name, account, readOnly, errorCode }) =>
    readOnly || errorCode !== undefined ? [] : [`${name} ${account}`],
  );
  assert.deepEqual(logs, [
    ...[own, id, "0"].map((account) => `CreateAccount ${account}`),
    ...[own, id, "0"].map((account) => `UpdateLogVisibility ${account}`),
    ...[own, id, "0", own, id, "0", own].map((account) => `UpdateRetention ${account}`),
  ]);
});

test("who is no operator changes no account, not even their own, and sees no other", async () => {
  await using house = await openHouse();
  const as = { as: "other" } as const;
  for (const [method, target, body] of [
    ["POST", accounts, { name: "mine" }],
    ["PATCH", `${accounts}/${other}`, { logVisibility: "all" }],
    ["PUT", `${accounts}/${other}/retention`, { days: 1 }],
    ["PUT", `${accounts}/${own}/retention`, { days: 1 }],
  ] as const)
    assert.equal(
      (await problemOf(await send(house, method, target, body, as))).code,
      "forbidden",
      `${method} ${target}`,
    );
  assert.equal((await json(await send(house, "GET", `${accounts}/${other}/retention`, undefined, as))).days, null);
  for (const id of [own, "9", "x"])
    assert.equal(
      (await problemOf(await send(house, "GET", `${accounts}/${id}/retention`, undefined, as))).code,
      "not-found",
    );
  assert.equal((await problemOf(await send(house, "GET", `${accounts}/9/retention`))).code, "not-found");
});

test("what cannot be meant is refused by name", async () => {
  await using house = await openHouse();
  for (const [method, target, body, field] of [
    ["POST", accounts, {}, "name"],
    ["POST", accounts, { name: "a", role: "x" }, "role"],
    ["PATCH", `${accounts}/${own}`, { logVisibility: "some" }, "logVisibility"],
    ["PUT", `${accounts}/${own}/retention`, { days: 0 }, "days"],
    ["PUT", `${accounts}/${own}/retention`, { days: 1.5 }, "days"],
    ["PUT", `${accounts}/${own}/retention`, {}, "days"],
  ] as const)
    assert.equal((await problemOf(await send(house, method, target, body))).field, field, JSON.stringify(body));
});

test("an event is shown as the dialects would show it, in the language that is asked for", async () => {
  await using house = await openHouse();
  await post(house, JSON.stringify({ events: [sampleEvent(), sampleEvent()] }));
  const answer = await fetch(`${house.url}/api/v1/events/0/dialects`, {
    headers: { authorization: "Bearer auditor", "accept-language": "en" },
  });
  assert.deepEqual(await json(answer), { toy: { account: own, seq: 0, language: "en" } });
  assert.deepEqual(await json(await get(house, "/api/v1/events/1/dialects")), {});
  assert.equal((await problemOf(await get(house, "/api/v1/events/2/dialects"))).code, "not-found");
  assert.equal((await problemOf(await get(house, "/api/v1/events/0/dialects", "other"))).code, "not-found");
});
