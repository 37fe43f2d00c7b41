// From any key of a log to the one in use, however the rotations lie among kept and cosigned checkpoints and closed files.
import assert from "node:assert/strict";
import type { KeyObject } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { parseNote, toBase64 } from "../merkle/note.ts";
import { rotateLogKey } from "./key-rotation.ts";
import { account, batchOf, newKey, numbered, open, temporary } from "./ledger-house.test-support.ts";
import { logLinks } from "./log-links.ts";
import { CheckpointSigner, publicKeyOf } from "./signer.ts";
import { LedgerReader } from "./store.ts";

const origin = `testservice.taishi/${account}`;
const firstKey = newKey();
const clockKey = newKey();
const acts = ["grow", "hand out", "cosign", "roll", "rotate"] as const;

test("the link of every rotation is found, in order, and no other checkpoint", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...acts), { minLength: 5, maxLength: 40 }), (story) => {
      const directory = temporary();
      const house = open(
        directory,
        undefined,
        { bytes: 1e9, ageMs: 3_600_000 },
        new CheckpointSigner({ logKey: firstKey, clockKey }),
      );
      const { writer, clock } = house;
      const keys: KeyObject[] = [firstKey];
      const expected: string[] = [];
      const grow = (count = 3): void => {
        clock.time += 1_000;
        writer.append([batchOf(numbered(clock.time, count))]);
        writer.checkpoint();
      };
      grow();
      for (const act of story) {
        if (act === "grow") grow();
        else if (act === "hand out") writer.handOut(account);
        else if (act === "cosign") {
          const { size, note } = writer.offer([account])[0]!;
          const signature = {
            name: "witness.example/1",
            keyId: Uint8Array.of(1, 2, 3, 4),
            signature: new Uint8Array(72),
          };
          writer.cosigned([{ account, size, text: parseNote(note).text, signatures: [signature] }]);
        } else if (act === "roll") {
          // Only a file with a whole bundle in it is closed.
          grow(256);
          clock.time += 3_600_000;
          assert.ok(writer.rollIfDue());
        } else {
          const nextKey = newKey();
          const rotated = rotateLogKey(writer, { logKey: keys.at(-1)!, nextKey, clockKey }, clock.time);
          expected.push(rotated.find((log) => log.account === account)!.note);
          keys.push(nextKey);
        }
      }
      writer.close();
      const reader = LedgerReader.open(directory);
      try {
        const [current = new Uint8Array(), ...retired] = keys.map(publicKeyOf).reverse();
        const publicKeys = { retired: retired.reverse(), current };
        const links = logLinks(origin, reader.linkingCheckpoints(reader.log(account)!), publicKeys);
        // A link that was cosigned since has more lines.
        assert.deepEqual(
          links.map(({ note }) => parseNote(note).text),
          expected.map((note) => parseNote(note).text),
        );
        links.forEach(({ oldKey, newKey: next }, i) => {
          const material = (key: KeyObject) => toBase64(Uint8Array.of(1, ...publicKeyOf(key)));
          assert.ok(oldKey.endsWith(`+${material(keys[i]!)}`), `old key ${i}`);
          assert.ok(next.endsWith(`+${material(keys[i + 1]!)}`), `new key ${i}`);
        });
      } finally {
        reader.close();
      }
    }),
    { numRuns: 40 },
  );
});
