// One scripted incident in the noise of a busy account: the story of a resource, a user or an address is what belongs to it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson } from "../event/canonical.ts";
import type { Event } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import { MemoryIndex } from "../index/memory-index.ts";
import type { Filter } from "../index/port.ts";
import type { EntrySource } from "./page-reader.ts";
import type { StoryRequest } from "./query.ts";
import { joinStory, laneOf, type Strand, strandOf } from "./story.ts";
import { readStory, type StoryText } from "./story-reader.ts";

const account = "2100000001";
const begin = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;

class Log implements EntrySource {
  readonly index = new MemoryIndex();
  readonly events: Event[] = [];

  add(...events: Event[]): number {
    const first = this.events.length;
    this.events.push(...events);
    this.index.add(account, first, factsOf(events));
    return first;
  }

  minimum(): number {
    return 0;
  }

  read(_account: string, seqs: readonly number[]): readonly Uint8Array[] {
    return seqs.map((seq) => Buffer.from(canonicalJson({ event: this.events[seq], received: 1, v: 1 })));
  }

  blob(): Uint8Array {
    throw new Error("there is none");
  }

  story(request: Omit<Partial<StoryRequest>, "filter"> & { readonly filter?: Partial<Filter> }): Promise<StoryText> {
    return readStory(this.index, this, { limit: 300, ...request, filter: { account, ...request.filter } });
  }
}

const security = (at: number, type: string, id: string, contents: Readonly<Record<string, string>>): Event => ({
  kind: "security",
  time: begin + at * minute,
  type,
  risk: "Info",
  resource: { type: "endpoint", id },
  contents: Object.entries(contents).map(([key, value]) => ({ key, value })),
});
const call = (at: number, type: string, more: object): Event => ({
  kind: "trail",
  time: begin + at * minute,
  type,
  source: "iam",
  ...more,
});

/** Mallory logs in, goes into a container, runs a program that connects out, takes a key and calls an API with it. */
const incident: readonly Event[] = [
  security(0, "SshLogin", "node-7", { SSH: "203.0.113.66 40000 10.0.0.7 22", ProcessID: "4242", User: "mallory" }),
  security(2, "ContainerLogin", "node-7", { Arguments: "kubectl exec", ProcessID: "4300", ContainerID: "c0ffee" }),
  security(3, "VarmorDefence", "node-7", { Process: "curl", ProcessID: "4311", ContainerID: "c0ffee" }),
  security(4, "Connection", "node-7", { ProcessID: "4311", SourceIP: "10.0.0.7", DestinationIP: "198.51.100.9" }),
  security(5, "KMSAccess", "vault", { User: "mallory", KeyName: "k" }),
  call(7, "CreateAccessKey", { userName: "mallory", sourceIp: "203.0.113.66", accessKeyId: "AKmallory" }),
  call(40, "DeleteBucket", { userName: "robot", sourceIp: "192.0.2.99", accessKeyId: "AKmallory" }),
];

/** Things of others at the same time: nothing of it shares anything with the incident. */
const noise = (count: number): Event[] =>
  Array.from({ length: count }, (_, i) =>
    i % 3 === 0
      ? call((i % 120) - 60, "GetUser", { userName: `user-${i}`, sourceIp: `10.9.${i % 250}.1`, accessKeyId: `AK${i}` })
      : security((i % 120) - 60, "Connection", `node-${100 + (i % 50)}`, {
          ProcessID: "4311",
          SourceIP: `10.8.${i % 250}.${i % 199}`,
          User: "root",
        }),
  );

async function scripted(): Promise<{ log: Log; first: number }> {
  const log = new Log();
  log.add(...noise(900));
  const first = log.add(...incident);
  log.add(...noise(900));
  return { log, first };
}

const seqsOf = (first: number): number[] => incident.map((_, i) => first + i);

test("from any end of it the whole incident is told, in its order, and nothing of the noise", async () => {
  const { log, first } = await scripted();
  for (const asked of [
    { filter: { resourceId: "node-7" } },
    { filter: { resourceId: "vault", resourceType: "endpoint" } },
    { user: "mallory" },
    { ip: "203.0.113.66" },
    { ip: "198.51.100.9" },
    { user: "robot" },
  ]) {
    const story = await log.story(asked);
    assert.deepEqual(story.seqs, seqsOf(first), JSON.stringify(asked));
    assert.deepEqual(story.cut, { asked: false, around: false, events: false });
    assert.deepEqual(
      story.threads.map(({ lane }) => lane),
      ["login", "container", "process", "connection", "key", "api", "api"],
    );
    assert.equal(story.size, log.events.length);
    assert.equal((JSON.parse(story.texts[0]!) as { event: Event }).event.time, begin);
  }
});

test("every event but those asked about says by what it was joined, and to which that is in the story", async () => {
  const { log, first } = await scripted();
  const { seqs, threads } = await log.story({ ip: "203.0.113.66" });
  const joined = Object.fromEntries(seqs.map((seq, i) => [seq - first, threads[i]!.joined]));
  assert.equal(joined[0], undefined);
  assert.equal(joined[5], undefined);
  assert.deepEqual(joined[1], { by: "resource", value: "endpoint/node-7", with: first });
  assert.deepEqual(joined[4], { by: "user", value: "mallory", with: first });
  assert.deepEqual(joined[6], { by: "key", value: "AKmallory", with: first + 5 });
  for (const thread of threads) if (thread.joined !== undefined) assert.ok(seqs.includes(thread.joined.with));
});

test("a pid is a process of its own resource only, and what is everybody's joins nobody", async () => {
  const log = new Log();
  const first = log.add(
    security(0, "Process", "a", { ProcessID: "7", User: "root", SourceIP: "127.0.0.1" }),
    security(1, "Connection", "a", { ProcessID: "7" }),
    security(1, "Connection", "b", { ProcessID: "7" }),
    security(1, "Connection", "c", { User: "root" }),
    security(1, "Connection", "d", { SourceIP: "127.0.0.1" }),
  );
  const { seqs } = await log.story({ filter: { resourceId: "a" } });
  assert.deepEqual(seqs, [first, first + 1]);
});

test("what happens to a resource follows from a login for half an hour, not before it and not for ever", async () => {
  const log = new Log();
  const first = log.add(
    security(-1, "Connection", "n", { Note: "before" }),
    security(0, "SshLogin", "n", { User: "eve" }),
    security(29, "Connection", "n", { Note: "after" }),
    security(31, "Connection", "n", { Note: "later" }),
  );
  const { seqs } = await log.story({ user: "eve" });
  assert.deepEqual(seqs, [first + 1, first + 2]);
});

test("a value that very many share joins nothing and is named, unless it was asked about", async () => {
  const log = new Log();
  const events = Array.from({ length: 250 }, (_, i) =>
    call(i / 100, "GetUser", { userName: i === 0 ? "eve" : `u${i}`, sourceIp: "192.0.2.1" }),
  );
  log.add(...events);
  const byUser = await log.story({ user: "eve" });
  assert.deepEqual(byUser.seqs, [0]);
  assert.deepEqual(byUser.common, [{ by: "address", value: "192.0.2.1", events: 250 }]);
  const byAddress = await log.story({ ip: "192.0.2.1", limit: 500 });
  assert.deepEqual([byAddress.seqs.length, byAddress.common], [250, []]);
});

test("what is left out is said: of what was asked, of what is around it, of what belongs to it", async () => {
  const log = new Log();
  log.add(...Array.from({ length: 400 }, (_, i) => security(i / 100, "Connection", "busy", { Note: String(i) })));
  const asked = await log.story({ filter: { resourceId: "busy" } });
  assert.deepEqual([asked.cut.asked, asked.seqs.length], [true, 300]);
  assert.deepEqual(asked.seqs.at(-1), 399, "the newest are told");
  const few = await log.story({ filter: { resourceId: "busy" }, limit: 10 });
  assert.deepEqual([few.cut.events, few.seqs.length], [true, 10]);

  const wide = new Log();
  wide.add(security(0, "SshLogin", "n", { User: "eve" }));
  wide.add(...Array.from({ length: 20_500 }, (_, i) => security(i / 1000, "Connection", `m-${i % 10}`, {})));
  const story = await wide.story({ filter: { resourceId: "n" } });
  assert.equal(story.cut.around, true);
  assert.ok(story.around!.from > begin, "it says from when on everything was looked at");
  assert.ok(story.scanned < 21_000);
});

test("the times that are asked for bound what is asked about and what is joined", async () => {
  const { log, first } = await scripted();
  const filter = { from: begin + 2 * minute, to: begin + 6 * minute };
  const { seqs, around } = await log.story({ filter: { ...filter, resourceId: "node-7" } });
  assert.deepEqual(seqs, [first + 1, first + 2, first + 3]);
  assert.deepEqual(around, filter);
});

test("where nothing is found there is no story", async () => {
  const { log } = await scripted();
  const story = await log.story({ user: "nobody there" });
  assert.deepEqual([story.seqs, story.around, story.cut.asked], [[], undefined, false]);
});

test("events go to the lane of what they are", () => {
  const lanes = {
    SshLogin: "login",
    ContainerLogin: "container",
    ContainerBreakout: "container",
    Connection: "connection",
    AbnormalConnection: "connection",
    VarmorDefence: "process",
    ProcessStarted: "process",
    KMSAccess: "key",
    TksAccess: "key",
    Strange: "other",
  };
  for (const [type, lane] of Object.entries(lanes)) assert.equal(laneOf(security(0, type, "n", {})), lane, type);
  assert.equal(laneOf(call(0, "GetUser", {})), "api");
  assert.equal(laneOf(call(0, "Decrypt", { source: "kms" })), "key");
  assert.equal(laneOf(call(0, "SignIn", { source: "taishi" })), "login");
  assert.equal(laneOf({ kind: "database", time: 1, name: "Query", instance: "i" }), "database");
});

test("joining ends after four steps", () => {
  const chain: Strand[] = Array.from({ length: 8 }, (_, i) =>
    strandOf(i, security(i, "Process", "", { ContainerID: `c${i}`, User: i % 2 === 0 ? `u${i}` : `u${i - 1}` })),
  ).map((strand, i) => ({ ...strand, tokens: [`container\u0001link${i}`, `container\u0001link${i + 1}`] }));
  const { threads } = joinStory(chain.slice(0, 1), chain, 100);
  assert.deepEqual(
    threads.map(({ strand }) => strand.seq),
    [0, 1, 2, 3, 4],
  );
});
