// Live tails over real sockets: every event once, in the order of numbers, from where the client says; ended with the credentials.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CallRecord } from "../exchange.ts";
import { ConsoleSessions } from "../identity/console-sessions.ts";
import { houses } from "../identity/identity-house.test-support.ts";
import {
  callers,
  get,
  type House,
  type Name,
  openHouse,
  post,
  problemOf,
  sampleEvent,
  send,
  toySignature,
} from "./doubles.test-support.ts";

const path = "/api/v1/tail";
const identityHouse = houses();

interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Reads one stream as a browser's EventSource does. */
class Tail implements AsyncDisposable {
  readonly answer: globalThis.Response;
  readonly #controller: AbortController;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #text = "";
  lastId: string | undefined;
  ended = false;

  private constructor(answer: globalThis.Response, controller: AbortController) {
    this.answer = answer;
    this.#controller = controller;
    this.#pieces = answer.body![Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  static async open(
    house: House,
    query = "",
    headers: Readonly<Record<string, string>> = { authorization: "Bearer auditor" },
  ) {
    const controller = new AbortController();
    const answer = await fetch(`${house.url}${path}${query}`, { headers, signal: controller.signal });
    if (answer.status !== 200) assert.fail(await answer.text());
    const tail = new Tail(answer, controller);
    await tail.#block(); // the first says from where it goes on
    return tail;
  }

  async next(): Promise<Message | undefined> {
    for (;;) {
      const lines = (await this.#block())?.split("\n");
      if (lines === undefined) return undefined;
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) return { event: field("event") ?? "message", id: field("id"), data };
    }
  }

  async seqs(count: number): Promise<number[]> {
    const found: number[] = [];
    while (found.length < count) found.push((JSON.parse((await this.next())!.data) as { seq: number }).seq);
    return found;
  }

  async #block(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        this.lastId = /^id: (.*)$/m.exec(block)?.[1] ?? this.lastId;
        return block;
      }
      const { done, value } = await this.#pieces.next();
      if (done === true) {
        this.ended = true;
        return undefined;
      }
      this.#text += Buffer.from(value).toString("utf8");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    await this.#pieces.next().catch(() => {});
  }
}

async function append(house: House, ...events: readonly Record<string, unknown>[]): Promise<void> {
  assert.equal((await post(house, JSON.stringify({ events }))).status, 200);
}

test("an event appended while somebody follows comes as a message with its number", async () => {
  await using house = await openHouse();
  await append(house, sampleEvent());
  await using tail = await Tail.open(house);
  assert.equal(tail.answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(tail.answer.headers.get("cache-control"), "no-store");
  assert.equal(tail.lastId, "0", "it begins behind what is there");
  await append(house, sampleEvent({ type: "Live", detail: "two\nlines" }));
  const message = await tail.next();
  assert.equal(message?.id, "1");
  const event = JSON.parse(message!.data) as Record<string, unknown>;
  assert.deepEqual([event.seq, event.type, event.detail], [1, "Live", "two\nlines"]);
  const listed = (await (await get(house, "/api/v1/events/1")).json()) as object;
  assert.deepEqual(event, listed, "it is the event as the list has it");
});

test("a client that comes back with the last number misses nothing and sees nothing twice", async () => {
  await using house = await openHouse();
  await append(house, ...Array.from({ length: 600 }, (_, i) => sampleEvent({ detail: `d${i}` })));
  const seen: number[] = [];
  let id = "-1";
  for (const stop of [1, 255, 257, 600]) {
    const headers = { authorization: "Bearer auditor", "last-event-id": id };
    await using tail = await Tail.open(house, "?after=3", headers);
    seen.push(...(await tail.seqs(stop - seen.length)));
    id = String(seen.at(-1));
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 600 }, (_, i) => i),
  );
  await using tail = await Tail.open(house, "?after=597");
  assert.deepEqual(await tail.seqs(2), [598, 599]);
});

test("many who follow one log see the same, each by its filter", async () => {
  await using house = await openHouse();
  const tails = await Promise.all(
    ["", "?type=Odd", "?risk=High&resourceId=ep-1", "?q=needle", "?content.Tag=7", "?user=u1", "?ip=10.0.0.2"].map(
      (query) => Tail.open(house, query),
    ),
  );
  for (let i = 0; i < 20; i++)
    await append(
      house,
      sampleEvent({
        type: i % 2 === 0 ? "Even" : "Odd",
        risk: i % 4 === 0 ? "High" : "Info",
        resource: { type: "endpoint", id: `ep-${i % 3}` },
        detail: i === 13 ? "a Needle" : "hay",
        contents: { Tag: String(i), User: `u${i % 5}`, SourceIP: `10.0.0.${i % 6}` },
      }),
    );
  const expected = [
    Array.from({ length: 20 }, (_, i) => i),
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
    [4, 16],
    [13],
    [7],
    [1, 6, 11, 16],
    [2, 8, 14],
  ];
  for (const [i, tail] of tails.entries()) {
    assert.deepEqual(await tail.seqs(expected[i]!.length), expected[i]);
    await tail[Symbol.asyncDispose]();
  }
});

test("a tail follows its own account's log only (I7)", async () => {
  await using house = await openHouse();
  await using tail = await Tail.open(house, "", { authorization: "Bearer other" });
  await append(house, sampleEvent({ detail: "theirs" }));
  await post(house, JSON.stringify({ events: [sampleEvent({ detail: "ours" })] }), { as: "other" });
  assert.equal((JSON.parse((await tail.next())!.data) as { detail: string }).detail, "ours");
});

test("a tail ends with its key and with its session, within a second or so", async () => {
  const at = identityHouse();
  const key = at.store.bootstrap()!;
  const { account } = key;
  const reader = at.store.createKey({ account, role: "auditor" });
  const user = await at.store.createUser({ account, name: "ann", role: "auditor", password: "12345678" });
  const sessions = new ConsoleSessions({ identity: at.store, clock: at.clock });
  await using house = await openHouse({ keyring: at.store, sessions });
  const { secret } = await sessions.signIn({ account, user: "ann", password: "12345678", address: "192.0.2.1" });
  await using byKey = await Tail.open(house, "", { authorization: `Bearer ${reader.token}` });
  await using bySession = await Tail.open(house, "", { cookie: `taishi_session=${secret}` });
  const begun = performance.now();
  at.store.setKeyStatus(reader.accessKey, "disabled");
  at.store.setUserStatus(user.id, "disabled");
  for (const tail of [byKey, bySession]) {
    assert.deepEqual(await tail.next(), { event: "end", id: undefined, data: '{"reason":"credentials"}' });
    assert.equal(await tail.next(), undefined);
    assert.ok(tail.ended);
  }
  assert.ok(performance.now() - begun < 5_000);
});

test("a tail does not keep its session alive", async () => {
  const at = identityHouse();
  const key = at.store.bootstrap()!;
  const sessions = new ConsoleSessions({ identity: at.store, clock: at.clock, idleMs: 60_000 });
  await using house = await openHouse({ sessions });
  const { secret } = sessions.signInByToken({ token: key.token, address: "192.0.2.1" });
  await using tail = await Tail.open(house, "", { cookie: `taishi_session=${secret}` });
  at.clock.time += 60_000;
  assert.equal((await tail.next())?.event, "end");
});

test("an account has a bounded number of tails, and one that is closed makes room", async () => {
  await using house = await openHouse();
  const tails: Tail[] = [];
  for (let i = 0; i < 16; i++) tails.push(await Tail.open(house));
  const refused = await get(house, path);
  assert.equal((await problemOf(refused)).code, "rate-limited");
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  await using _other = await Tail.open(house, "", { authorization: "Bearer other" });
  await tails[0]![Symbol.asyncDispose]();
  let again: Tail | undefined;
  for (let i = 0; i < 50 && again === undefined; i++) again = await Tail.open(house).catch(() => delay(20, undefined));
  assert.ok(again);
  for (const tail of [...tails, again]) await tail[Symbol.asyncDispose]();
});

test("a stop of the service ends every tail at once", async () => {
  const house = await openHouse();
  await using tail = await Tail.open(house);
  const begun = performance.now();
  await house.server.close();
  await tail.next().catch(() => {});
  assert.ok(performance.now() - begun < 3_000, "it does not wait for the grace of requests");
});

test("where to begin must be a place of the log, and the credentials such that can go on", async () => {
  await using house = await openHouse();
  await append(house, sampleEvent());
  for (const [query, field] of [
    ["?after=1", "after"],
    ["?after=-2", "after"],
    ["?after=x", "after"],
    ["?limit=3", "limit"],
    ["?q=%20", "q"],
  ] as const) {
    const problem = await problemOf(await get(house, path + query));
    assert.deepEqual([problem.code, problem.field], ["invalid-parameter", field], query);
  }
  const lost = await fetch(house.url + path, { headers: { authorization: "Bearer auditor", "last-event-id": "7x" } });
  assert.equal((await problemOf(lost)).field, "Last-Event-ID");
  const signed = await fetch(house.url + path, { headers: { authorization: toySignature("auditor", path, "") } });
  assert.equal((await problemOf(signed)).code, "forbidden");
  assert.equal((await get(house, path, "writer")).status, 403);
});

test("a tail is audited once: per connection, and of a session once for what it asks", async () => {
  const told: CallRecord[] = [];
  await using house = await openHouse({ onCall: (record) => void told.push(record) });
  const opened = await send(
    house,
    "POST",
    "/api/v1/session",
    { token: "auditor" satisfies Name },
    {
      headers: { "x-taishi-console": "1", origin: house.url },
    },
  );
  const cookie = opened.headers.getSetCookie()[0]!.split(";")[0]!;
  for (const query of ["", "?after=-1", "?type=A", "?type=A", "?type=A&after=-1", "?q=b"])
    await (await Tail.open(house, query, { cookie }))[Symbol.asyncDispose]();
  assert.deepEqual(
    told.flatMap(({ name, parameters, account }) => (name === "TailEvents" ? [[account, parameters]] : [])),
    [
      [callers.auditor.account, undefined],
      [callers.auditor.account, '{"type":"A"}'],
      [callers.auditor.account, '{"q":"b"}'],
    ],
  );
});
