// Cosignatures in the ledger: kept with the checkpoint they are over, over restarts and files, and never with another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fatal } from "../errors.ts";
import { type NoteSignature, parseNote } from "../merkle/note.ts";
import { type Offered, withCosignatures } from "./cosigned.ts";
import { account, batchOf, check, numbered, type Open, open, signer, temporary } from "./ledger-house.test-support.ts";
import { verifyCheckpoint } from "./signer.ts";

const origin = `testservice.taishi/${account}`;
const line = (mark: number, name = "witness.example/1"): NoteSignature => ({
  name,
  keyId: Uint8Array.of(1, 2, 3, 4),
  signature: new Uint8Array(72).fill(mark),
});

function grow({ writer, clock }: Open, count: number): Offered {
  writer.append([batchOf(numbered(0, count))]);
  clock.time += 1_000;
  writer.checkpoint();
  return writer.offer([account])[0]!;
}

function put({ writer }: Open, { size, note }: Offered, ...signatures: NoteSignature[]): readonly Offered[] {
  return writer.cosigned([{ account, size, text: parseNote(note).text, signatures }]);
}

test("a checkpoint that was offered is kept, and gets its cosignatures though newer ones were signed since", async () => {
  const directory = temporary();
  const house = open(directory);
  const offered = grow(house, 3);
  const later = grow(house, 4);
  grow(house, 1);
  const [stored] = put(house, offered, line(7));
  assert.equal(stored?.size, 3);
  const note = parseNote(stored!.note);
  assert.deepEqual(
    note.signatures.map(({ name }) => name),
    [origin, "testservice.taishi/clock", "witness.example/1"],
  );
  assert.equal(verifyCheckpoint(stored!.note, signer.verifier(origin)).size, 3);
  assert.deepEqual(house.writer.status()[0]?.witnessed, { size: 3, time: offered.time });
  put(house, later, line(8));
  assert.equal(house.writer.witnessed(account)?.size, 7);
  assert.deepEqual(put(house, offered, line(9)).length, 1, "a late answer for an older one is kept with it");
  assert.equal(house.writer.witnessed(account)?.size, 7);
  house.writer.close();
  assert.deepEqual((await check(directory)).problems, []);

  const again = open(directory);
  assert.deepEqual(again.writer.status()[0]?.witnessed, { size: 7, time: later.time });
  assert.equal(parseNote(again.writer.witnessed(account)!.note).signatures.length, 3);
  again.writer.close();
});

test("a newer cosignature by the same key takes the place of the older one", () => {
  const house = open(temporary());
  const offered = grow(house, 3);
  put(house, offered, line(7), line(7, "witness.example/2"));
  const [stored] = put(house, offered, line(8));
  const { signatures } = parseNote(stored!.note);
  assert.deepEqual(
    signatures.slice(2).map(({ name, signature }) => [name, signature[0]]),
    [
      ["witness.example/2", 7],
      ["witness.example/1", 8],
    ],
  );
  house.writer.close();
});

test("of an idle log the first cosigned checkpoint stays, and later ones of the size make room for each other", () => {
  const house = open(temporary());
  const first = grow(house, 3);
  put(house, first, line(1));
  for (let minute = 0; minute < 5; minute++) {
    house.clock.time += 60_000;
    house.writer.checkpoint();
    const [offered] = house.writer.offer([account]);
    assert.equal(put(house, offered!, line(2)).length, 1);
  }
  const rows = house.database.prepare("SELECT count(*) AS count FROM checkpoint WHERE size = 3").get();
  assert.ok((rows as { count: number }).count <= 4, JSON.stringify(rows));
  assert.equal(house.writer.witnessed(account)?.time, first.time);
  house.writer.close();
});

test("what was cosigned goes on into the next file", () => {
  const directory = temporary();
  const house = open(directory, undefined, { bytes: 1, ageMs: Number.MAX_SAFE_INTEGER });
  const offered = grow(house, 300);
  put(house, offered, line(7));
  grow(house, 300);
  assert.equal(house.writer.rollIfDue(), true);
  assert.equal(house.writer.witnessed(account)?.size, 300);
  assert.equal(house.writer.status()[0]?.checkpoint?.size, 600);
  house.writer.close();
});

test("I2: cosignatures over another text never get near a checkpoint of that size", () => {
  const house = open(temporary());
  const offered = grow(house, 3);
  const forged = { account, size: 3, text: `${origin}\n3\n${"A".repeat(43)}=\n`, signatures: [line(7)] };
  assert.throws(() => house.writer.cosigned([forged]), Fatal);
  assert.throws(() => withCosignatures(offered.note, forged), /another of the same size/);
  assert.equal(house.writer.status()[0]?.witnessed, undefined);
  assert.deepEqual(house.writer.cosigned([{ ...forged, size: 2 }]), [], "a checkpoint that is not there is left out");
  assert.deepEqual(house.writer.cosigned([{ ...forged, account: "9" }]), []);
  house.writer.close();
});
