import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Fatal, TaishiError } from "../errors.ts";
import type { SignedCheckpoint } from "../ledger/port.ts";
import { ed25519 } from "../merkle/note.ts";
import { LogClient } from "./log-client.ts";

/** By a key of id 0. */
const noteOf = (size: number): string =>
  `x.taishi/1\n${size}\n${Buffer.alloc(32).toString("base64")}\n\n— x.taishi/1 AAAAAAAA\n`;

/** A writer that counts what it hands out, and a reader that says what it was asked. */
function house() {
  const parts = {
    stored: 5,
    signed: 5,
    handedOut: 0,
    time: 1_700_000_000_000,
    /** Of the key in use. */
    keyId: new Uint8Array(4),
    /** Whether the clock goes by itself. */
    running: false,
    /** Called at each handing out. */
    onHandOut: () => {},
    asked: [] as string[],
    linking: [] as string[],
    linksFound: 0,
  };
  const logs = new LogClient({
    publicKeys: () => ({ retired: [], current: new Uint8Array(32) }),
    ledger: {
      minimum: () => 0,
      size: () => parts.stored,
      checkpoint: async (account): Promise<SignedCheckpoint> => {
        parts.handedOut++;
        parts.onHandOut();
        await delay(1);
        if (account !== "1") throw new TaishiError("not-found");
        return { size: parts.signed, time: parts.time, note: noteOf(parts.signed) };
      },
    },
    reads: {
      tile: async () => new Uint8Array(),
      proof: async (_account, seq, note) => {
        parts.asked.push(`${seq} under ${note.split("\n")[1]}`);
        return "proof";
      },
      consistency: async () => [],
      linkingCheckpoints: async () => {
        parts.linksFound++;
        return parts.linking.map((note) => ({ size: 5, time: 0, note }));
      },
      absence: async () => ({ before: { size: 0, time: 0, note: "" }, after: { size: 0, time: 0, note: "" } }),
    },
    keys: {
      verifier: (name) => ({ name, type: ed25519, keyId: parts.keyId, publicKey: new Uint8Array(32) }),
      vkey: (origin) => `vkey of ${origin}`,
      clockVkey: (origin) => `clock of ${origin}`,
    },
    clock: { now: () => parts.time + (parts.running ? performance.now() : 0) },
  });
  return { parts, logs };
}

test("a hundred readers at once, and more within a second, cost the writer one handing out", async () => {
  const { parts, logs } = house();
  const notes = await Promise.all(Array.from({ length: 100 }, () => logs.checkpoint("1")));
  assert.equal(new Set(notes.map(({ note }) => note)).size, 1);
  parts.time += 999;
  await logs.checkpoint("1");
  assert.equal(parts.handedOut, 1);
  parts.time += 1;
  await logs.checkpoint("1");
  assert.equal(parts.handedOut, 2, "a later one may say a later time");
});

test("while the log grows, what is served is at most a tenth of a second behind the newest", async () => {
  const { parts, logs } = house();
  await logs.checkpoint("1");
  parts.stored = parts.signed = 6;
  parts.time += 99;
  assert.equal((await logs.checkpoint("1")).size, 5);
  parts.time += 1;
  assert.equal((await logs.checkpoint("1")).size, 6);
  parts.stored = parts.signed = 7;
  parts.time -= 60_000;
  assert.equal((await logs.checkpoint("1")).size, 7, "a clock set back does not freeze it");
});

test("a failure is told to all who wait, and asked again by the next", async () => {
  const { parts, logs } = house();
  const asked = await Promise.allSettled([logs.checkpoint("2"), logs.checkpoint("2")]);
  assert.deepEqual(
    asked.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await assert.rejects(logs.checkpoint("2"), { code: "not-found" });
  assert.equal(parts.handedOut, 2);
});

test("an entry that is not signed yet is waited for, and proven under the checkpoint that covers it", async () => {
  const { parts, logs } = house();
  parts.stored = 8;
  parts.running = true;
  parts.onHandOut = () => {
    if (parts.handedOut === 4) parts.signed = 8;
  };
  assert.equal(await logs.proof("1", 7), "proof");
  assert.deepEqual(parts.asked, ["7 under 8"]);
  await assert.rejects(logs.proof("1", 8), { code: "not-found" });
  await assert.rejects(logs.consistency("1", 3, 9), { code: "invalid-parameter" });
});

test("an entry that nothing signs is refused after two seconds, to be asked for again", async () => {
  const { parts, logs } = house();
  parts.stored = 6;
  parts.running = true;
  const refused = (thrown: unknown): boolean =>
    thrown instanceof TaishiError && thrown.code === "overloaded" && thrown.details.retryAfter === 1;
  await Promise.all([
    assert.rejects(logs.proof("1", 5), refused),
    assert.rejects(logs.consistency("1", 5, 6), refused),
  ]);
  assert.deepEqual(parts.asked, []);
});

test("the state names the log's keys and its three sizes", async () => {
  const { parts, logs } = house();
  parts.stored = 9;
  const { checkpoint, ...state } = await logs.state("1");
  assert.match(checkpoint, /^x\.taishi\/1\n5\n/);
  assert.deepEqual(state, {
    account: "1",
    origin: "x.taishi/1",
    vkey: "vkey of x.taishi/1",
    clockVkey: "clock of x.taishi/1",
    stored: 9,
    signed: 5,
    witnessed: null,
    minimumIndex: 0,
  });
});

test("links are found once until a rotation; one by keys that are not known is told and ends nothing", async () => {
  const { parts, logs } = house();
  assert.deepEqual(await logs.links("1"), []);
  assert.deepEqual(await logs.links("1"), []);
  assert.equal(parts.linksFound, 1);
  parts.linking = [noteOf(5)];
  logs.renewed();
  for (const times of [2, 3]) {
    await assert.rejects(logs.links("1"), (thrown: unknown) => {
      assert.ok(thrown instanceof TaishiError && !(thrown.cause instanceof Fatal));
      assert.deepEqual([thrown.code, parts.linksFound], ["internal", times]);
      return true;
    });
  }
});

test("with witnesses, what is shown is what they cosigned; the newest signed where they do not keep up; never less than before", async () => {
  const { parts, logs } = house();
  const cosigned = { size: 3, time: parts.time, note: noteOf(3) };
  const witnessed = new Map<string, SignedCheckpoint>();
  logs.witnessedBy({ newest: async (account) => witnessed.get(account) });
  const shown = async (): Promise<number> => {
    parts.time += 1_000;
    return (await logs.published("1")).size;
  };
  assert.equal((await logs.state("1")).witnessed, 0);
  witnessed.set("1", cosigned);
  assert.equal(await shown(), 5, "after a start nobody knows what was shown before it");
  parts.stored = parts.signed = 9;
  witnessed.set("1", { ...cosigned, size: 7, time: parts.time });
  assert.equal(await shown(), 7);
  assert.equal((await logs.state("1")).witnessed, 7);
  parts.time += 120_000;
  assert.equal(await shown(), 9, "they do not keep up");
  witnessed.set("1", { ...cosigned, size: 8, time: parts.time });
  assert.equal(await shown(), 9, "a smaller one would look like a rollback");
  parts.stored = parts.signed = 12;
  witnessed.set("1", { ...cosigned, size: 10, time: parts.time });
  assert.equal(await shown(), 10);
  parts.keyId = Uint8Array.of(1, 1, 1, 1);
  assert.equal(await shown(), 12, "the key was rotated since, and the new one did not sign it");
});

test("a proof is given under what witnesses cosigned, waited for as long as for a signature", async () => {
  const { parts, logs } = house();
  let size = 3;
  logs.witnessedBy({ newest: async () => ({ size, time: 0, note: noteOf(size) }) });
  await logs.proof("1", 2);
  setTimeout(() => {
    size = 4;
  }, 300);
  await logs.proof("1", 3);
  await logs.proof("1", 4);
  parts.keyId = Uint8Array.of(1, 1, 1, 1);
  await logs.proof("1", 2);
  assert.deepEqual(
    parts.asked,
    ["2 under 3", "3 under 4", "4 under 5", "2 under 5"],
    "where nothing is cosigned that covers it and that the key in use signed, under what is signed only",
  );
});
