// Retention over the real threads and files: what is listed, counted and proven before and after, and after a stop in the
// middle. Time is the test's for the act, so that what was received just now is days old.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Event } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import { term } from "../event/trail-event.ts";
import { pruneSegment } from "../ledger/prune-segment.ts";
import { createLog } from "../log.ts";
import { parseTlogProof } from "../merkle/tlog-proof.ts";
import { dataPaths } from "./data-paths.ts";
import { appendEvents } from "./event-appender.ts";
import { type House, openHouse } from "./house.ts";
import { Retention, type RetentionOptions } from "./retention.ts";

const base = mkdtempSync(join(tmpdir(), "taishi-retention-"));
const opened: House[] = [];
after(async () => {
  for (const house of opened) await house.close();
  rmSync(base, { recursive: true, force: true });
});
const silent = createLog("silent");
const dayMs = 86_400_000;

async function openAt(name: string): Promise<{ house: House; account: string; data: string }> {
  const data = join(base, name);
  const house = await openHouse({
    data,
    secrets: join(data, "secrets"),
    anchor: undefined,
    index: true,
    log: silent,
    segmentBytes: 1e9,
    segmentSeconds: 1,
    auditFiles: { maxBytes: 1e9, maxAgeMs: 1e9, onFailure: () => {} },
    onFatal: (error) => assert.fail(error),
    deliverFirstKey: () => {},
  });
  opened.push(house); // closed once more where a test failed: its threads would keep the process alive
  return { house, data, account: house.identity.listAccounts().find(({ id }) => id !== "0")!.id };
}

/** A house's retention with the clock days ahead, and parts that a test puts in the place of others. */
function retentionOf(house: House, data: string, days: number, parts: Partial<RetentionOptions> = {}): Retention {
  return new Retention({
    ledger: house.ledger,
    index: house.index!,
    days: (account) => house.identity.retentionDays(account),
    accounts: () => house.identity.listAccounts().map(({ id }) => id),
    appendSystem: async (account, event) => void (await appendEvents(house.ledger, account, [event])),
    prune: async (number, minimums) => pruneSegment(dataPaths(data, "").ledger, number, minimums),
    onFatal: (error) => assert.fail(error),
    clock: { now: () => Date.now() + days * dayMs },
    log: silent,
    ...parts,
  });
}

function events(from: number, count: number): Event[] {
  return Array.from({ length: count }, (_, i) =>
    readEvent(
      i % 2 === 0
        ? {
            kind: "security",
            time: 1_690_000_000_000 + from + i,
            resource: { type: "endpoint", id: `ep-${i % 3}` },
            type: "SshLogin",
          }
        : {
            kind: "trail",
            time: 1_690_000_000_000 + from + i,
            source: "iam",
            type: "GetUser",
            requestId: `r-${from + i}`,
            userName: "li",
          },
      i,
    ),
  );
}

/** Appends until the ledger's file has closed behind it. */
async function appendAndClose(house: House, account: string, batch: readonly Event[]): Promise<void> {
  await appendEvents(house.ledger, account, batch);
  const closed = (await house.index!.closedSegments()).length;
  for (let waited = 0; (await house.index!.closedSegments()).length === closed; waited++) {
    assert.ok(waited < 100, "the file does not close");
    await delay(50);
  }
}

const counted = async (house: House, account: string, kinds?: readonly Event["kind"][]): Promise<number> =>
  (
    await house.index!.list({
      filter: { account, ...(kinds === undefined ? {} : { kinds }) },
      order: "asc",
      window: { offset: 0, limit: 1000 },
    })
  ).total;

const looked = async (house: House, account: string): Promise<number> =>
  (
    await house.index!.lookup({
      lookup: { account, terms: [term("IdentityName", "li")] },
      order: "desc",
      limit: 1000,
    })
  ).entries.length;

test("events past their retention are no longer listed, counted, looked up or given; proofs hold", async () => {
  const { house, data, account } = await openAt("one");
  await appendEvents(house.ledger, account, [
    { kind: "system", time: 1, type: "TrailSet", resource: { type: "trail", id: "t" }, data: { name: "t" } },
  ]);
  await appendAndClose(house, account, events(1, 599));
  await appendAndClose(house, account, events(600, 400));
  const before = parseTlogProof(await house.logs!.proof(account, 700));
  const lookedBefore = await looked(house, account);
  house.identity.setRetentionDays(account, 2);
  assert.deepEqual(await retentionOf(house, data, 1).apply(account), { account, minimum: 0, removed: 0 }, "too young");

  const outcome = await retentionOf(house, data, 3).apply(account);
  assert.deepEqual(outcome, { account, minimum: 768, removed: 768 });
  // The act itself is entry 1000; the trail's setting stays.
  assert.equal(await counted(house, account), 1000 - 768 + 2);
  assert.equal(await counted(house, account, ["system"]), 2);
  assert.equal(await counted(house, account, ["security", "trail"]), 1000 - 768);
  assert.ok(lookedBefore > 0);
  const lookedAfter = await looked(house, account);
  const trailAfter = events(600, 400).filter((event, i) => event.kind === "trail" && 600 + i >= 768);
  assert.equal(lookedAfter, trailAfter.length);
  await assert.rejects(house.index!.entry(account, 100), { code: "gone" });
  await assert.rejects(house.index!.proof(account, 100, before.checkpoint), { code: "gone" });
  assert.equal((await house.index!.entry(account, 0))?.event.kind, "system");
  assert.equal((await house.logs!.state(account)).minimumIndex, 768);
  // The same proof as before is made again under the same checkpoint: the tree did not change.
  assert.deepEqual(parseTlogProof(await house.index!.proof(account, 800, before.checkpoint)).index, 800);
  assert.ok((await house.logs!.consistency(account, 300, 1001)).length > 0);
  await assert.rejects(house.logs!.tile(account, { level: "entries", index: 1, width: 256 }), { code: "gone" });
  assert.equal((await house.logs!.tile(account, { level: 0, index: 1, width: 256 })).length, 8192);
  await house.close();

  // Derived again from what is left, the index gives the same answers (I4).
  rmSync(join(data, "index"), { recursive: true });
  const again = await openAt("one");
  assert.equal(await counted(again.house, account), 1000 - 768 + 2);
  assert.equal(await looked(again.house, account), lookedAfter);
  await again.house.close();
});

test("an act that was told and not carried out is carried out after the next start", async () => {
  const { house, data, account } = await openAt("two");
  await appendAndClose(house, account, events(0, 600));
  house.identity.setRetentionDays(account, 1);
  const stopped = new Error("the process stops here");
  const cut = retentionOf(house, data, 3, {
    ledger: {
      minimum: (of) => house.ledger.minimum(of),
      setMinimum: () => Promise.reject(stopped),
      reopenSegment: (number) => house.ledger.reopenSegment(number),
    },
  });
  await assert.rejects(cut.apply(account), stopped);
  // Whoever changed the setting meanwhile: what was told is done.
  house.identity.setRetentionDays(account, undefined);
  await house.close();
  const again = await openAt("two");
  await retentionOf(again.house, data, 0).tick();
  assert.equal(again.house.ledger.minimum(account), 512);
  assert.equal(await counted(again.house, account, ["security", "trail"]), 600 - 512);
  await again.house.close();
});

test("without a setting everything stays", async () => {
  const { house, data, account } = await openAt("three");
  await appendAndClose(house, account, events(0, 300));
  await retentionOf(house, data, 10_000).tick();
  assert.equal(await counted(house, account), 300);
  await house.close();
});
