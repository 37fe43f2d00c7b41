// The log's side of witnessing over real witnesses without sockets: rounds, quorum, back-off, and what counts as a
// contradiction. Time stands still unless a test moves it.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import pino from "pino";
import { formatNote, parseNote, parseVerifierKey } from "../merkle/note.ts";
import { consistencyProof } from "../merkle/proof.ts";
import { Collector, type Cosigned } from "./collector.ts";
import { cosignatureBy, sha256 } from "./ed25519.ts";
import { submit, type WitnessReply } from "./submit.ts";
import { type TestLog, testLog } from "./test-log.test-support.ts";
import { Witness } from "./witness.ts";
import { WitnessStore } from "./witness-store.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "taishi-collector-"));
});
after(() => rmSync(directory, { recursive: true }));
let made = 0;
const silent = pino({ level: "silent" });

/** A service with one log and its witnesses; each can be made to fail or to wait. */
function house(options: { readonly witnesses: readonly string[]; readonly quorum: number; readonly log?: TestLog }) {
  const origin = "x.taishi/1";
  const parts = {
    log: options.log ?? testLog(origin),
    now: 1_700_000_000_000,
    signed: 0,
    /** When the newest checkpoint was signed. */
    time: 1_700_000_000_000,
    away: new Set<string>(),
    posts: [] as string[],
    kept: [] as Cosigned[],
    /** Answers wait for it. */
    gate: Promise.resolve(),
    gated: new Set<string>(),
  };
  const clock = { now: () => parts.now };
  const witnesses = new Map(
    options.witnesses.map((name) => {
      const { privateKey } = generateKeyPairSync("ed25519");
      const store = WitnessStore.open(join(directory, `${++made}.db`), `witness.example/${name}`);
      return [name, new Witness({ store, privateKey, logs: [parts.log.key], clock, log: silent })];
    }),
  );
  const keys = new Map([...witnesses].map(([name, { vkey }]) => [name, parseVerifierKey(sha256, vkey)]));
  const start = () =>
    new Collector({
      policy: {
        witnesses: [...keys].map(([name, key]) => ({ name, key, url: name })),
        appliesTo: (name) => name === origin,
        isQuorum: (names) => names.size >= options.quorum,
      },
      offer: async (accounts) =>
        accounts.map((account) => ({
          account,
          size: parts.signed,
          time: parts.time,
          note: parts.log.note(parts.signed, parts.time / 1000),
        })),
      consistency: (_account, from, to) => consistencyProof(sha256, parts.log, from, to),
      post: async (url, body): Promise<WitnessReply> => {
        const name = url.split("/")[0]!;
        parts.posts.push(`${name} ${body.split("\n")[0]}`);
        if (parts.away.has(name)) throw new Error("connect ECONNREFUSED");
        if (parts.gated.has(name)) await parts.gate;
        const answer = witnesses.get(name)!.answer({ method: "POST", path: "/add-checkpoint", body });
        return { status: answer.status, contentType: answer.headers["content-type"]!, body: String(answer.body) };
      },
      keep: async (cosigned) => void parts.kept.push(...cosigned),
      clock,
      random: () => 0,
      log: silent,
    });
  let collector = start();
  /** A tick at this size, and everything that follows from it. */
  const tick = async (size: number): Promise<void> => {
    if (size !== parts.signed || parts.now - parts.time >= 60_000) parts.time = parts.now;
    parts.signed = size;
    collector.tick([{ account: "1", origin, size, time: parts.time }]);
    for (let i = 0; i < 50; i++) await turn();
  };
  const restart = async (): Promise<void> => {
    await collector.close();
    collector = start();
  };
  return { parts, keys, tick, restart, collector: () => collector };
}

test("all witnesses are shown the same checkpoint; with the quorum it is kept with their lines, which verify", async () => {
  const { parts, keys, tick } = house({ witnesses: ["one", "two"], quorum: 2 });
  await tick(5);
  assert.deepEqual(parts.posts, ["one old 0", "two old 0"]);
  const last = parts.kept.at(-1)!;
  assert.equal(last.size, 5);
  const note = parseNote(formatNote(last));
  for (const key of keys.values()) assert.equal(cosignatureBy(note, key)?.time, parts.now / 1000);
  await tick(5);
  assert.equal(parts.posts.length, 2, "nothing new is shown again at once");
  await tick(9);
  assert.deepEqual(parts.posts.slice(2), ["one old 5", "two old 5"]);
  assert.equal(parts.kept.at(-1)?.size, 9);
});

test("an idle log is shown again whenever it is signed again, so that its cosignatures stay as fresh", async () => {
  const { parts, tick } = house({ witnesses: ["one"], quorum: 1 });
  await tick(5);
  parts.now += 59_999;
  await tick(5);
  assert.equal(parts.posts.length, 1);
  parts.now += 1;
  await tick(5);
  assert.deepEqual(parts.posts, ["one old 0", "one old 5"]);
  assert.equal(parts.kept.length, 2);
});

test("a witness that is away is asked again after pauses that double, and joins where it was; the others go on", async () => {
  const { parts, tick, collector } = house({ witnesses: ["one", "two"], quorum: 2 });
  await tick(5);
  parts.away.add("two");
  let size = 5;
  for (let second = 0; second < 60; second++) {
    parts.now += 1_000;
    await tick(++size);
  }
  const asked = parts.posts.filter((post) => post.startsWith("two")).length - 1;
  assert.ok(asked >= 5 && asked <= 10, `asked ${asked} times in a minute`);
  assert.ok(parts.posts.filter((post) => post.startsWith("one")).length > 50);
  assert.equal(parts.kept.at(-1)?.size, 5, "no quorum, nothing kept");
  assert.deepEqual(
    collector()
      .witnesses()
      .map(({ name, lag }) => [name, lag]),
    [
      ["one", 0],
      ["two", 60],
    ],
  );
  parts.away.clear();
  parts.now += 60_000;
  await tick(size);
  assert.equal(parts.kept.at(-1)?.size, size);
  assert.equal(parts.kept.at(-1)?.signatures.length, 2);
  assert.equal(parts.posts.at(-1), "two old 5");
  assert.ok(collector().witnesses()[1]!.failures >= 5);
});

test("after a restart the witnesses say how far they are", async () => {
  const { parts, tick, restart } = house({ witnesses: ["one", "two"], quorum: 2 });
  await tick(5);
  await restart();
  await tick(8);
  assert.deepEqual(parts.posts.slice(2).sort(), ["one old 0", "one old 5", "two old 0", "two old 5"]);
  assert.equal(parts.kept.at(-1)?.size, 8);
});

test("a slow witness that the quorum needs holds the round; one that it does not need, does not", async () => {
  const needed = house({ witnesses: ["fast", "slow"], quorum: 2 });
  let open = () => {};
  needed.parts.gated.add("slow");
  needed.parts.gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await needed.tick(5);
  await needed.tick(6);
  await needed.tick(7);
  assert.deepEqual(needed.parts.posts, ["fast old 0", "slow old 0"]);
  open();
  await needed.tick(7);
  assert.equal(needed.parts.kept[0]?.size, 5, "what was waited for is kept");
  await needed.tick(7);
  assert.equal(needed.parts.kept.at(-1)?.size, 7);

  const other = house({ witnesses: ["fast", "slow"], quorum: 1 });
  other.parts.gated.add("slow");
  other.parts.gate = new Promise<void>(() => {});
  await other.tick(5);
  await other.tick(6);
  assert.deepEqual(other.parts.posts, ["fast old 0", "slow old 0", "fast old 5"]);
  assert.equal(other.parts.kept.at(-1)?.size, 6);
});

test("a log that is shorter than what was cosigned contradicts, and so does one that grew again, or another of the size", async () => {
  for (const size of [3, 9, 5]) {
    const { parts, tick, restart, collector } = house({ witnesses: ["one"], quorum: 1 });
    await tick(5);
    assert.deepEqual(collector().contradicted, []);
    await restart();
    parts.log = parts.log.fork(2);
    await tick(size);
    assert.equal(collector().contradictions, 1, `size ${size}`);
    assert.match(collector().contradicted[0]!, /one says of x\.taishi\/1: (it has cosigned|what it has cosigned)/);
    assert.equal(parts.kept.length, 1, "and is not cosigned");
    await tick(size);
    assert.equal(collector().contradictions, 1, "asked again only after a while");
    parts.now += 60_000;
    await tick(size);
    assert.equal(collector().contradictions, 2);
  }
});

test("where the right data directory comes back, the contradiction is over", async () => {
  const { parts, tick, restart, collector } = house({ witnesses: ["one"], quorum: 1 });
  await tick(5);
  await restart();
  await tick(3);
  assert.equal(collector().contradicted.length, 1);
  parts.now += 60_000;
  await tick(6);
  assert.deepEqual(collector().contradicted, []);
  assert.equal(parts.kept.at(-1)?.size, 6);
});

test("logs that the policy does not name are not shown to anyone", async () => {
  const { parts, collector } = house({ witnesses: ["one"], quorum: 1 });
  collector().tick([{ account: "2", origin: "x.taishi/2", size: 4, time: 0 }]);
  for (let i = 0; i < 20; i++) await turn();
  assert.deepEqual(parts.posts, []);
});

test("answers that are no cosignature by the witness's key are failures, none a contradiction by itself", async () => {
  const log = testLog("x.taishi/1");
  const { key } = testLog("witness.example/1");
  const checkpoint = { size: 5, text: parseNote(log.note(5)).text, note: log.note(5) };
  const answers = async (reply: Partial<WitnessReply>, known?: number) =>
    submit(checkpoint, key, known, {
      consistency: (from, to) => consistencyProof(sha256, log, from, to),
      post: async () => ({ status: 200, contentType: "text/plain", body: "", ...reply }),
      signed: () => 5,
    });
  const size = { contentType: "text/x.tlog.size" };
  for (const reply of [
    { body: "" },
    { body: "— witness.example/1 AAAA\n" },
    { body: parseNote(log.note(5)).text },
    { body: `forged/1\n9\nAAAA\n\n— witness.example/1 AAAAAAAA\n` },
    { status: 409, body: "5\n" },
    { ...size, status: 409, body: "05\n" },
    { ...size, status: 409, body: "0\n" },
    { ...size, status: 409, body: "-1\n" },
    { status: 422 },
    { status: 404, body: "unknown" },
    { status: 500 },
    { status: 302 },
  ])
    assert.equal((await answers(reply)).kind, "failure", JSON.stringify(reply));
  assert.deepEqual(await answers({ ...size, status: 409, body: "4\n" }, 3), {
    kind: "failure",
    size: 4,
    why: "it answered 409 with the size 4 that it was shown",
    settled: false,
  });
  assert.equal((await answers({ ...size, status: 409, body: "6\n" })).kind, "contradiction");
  assert.equal((await answers({ ...size, status: 409, body: "5\n" }, 5)).kind, "contradiction");
  assert.equal((await answers({ status: 422 }, 3)).kind, "contradiction");
});
