import assert from "node:assert/strict";
import { test } from "node:test";
import { FileNames, idOfName } from "./file-names.ts";

const instance = "eb8fe5d181ec44a2850302691541f760in01";

test("the documented names give the documented ids", () => {
  const gives = (uuid: string, id: string): void =>
    assert.equal(idOfName(`317156_20190916032844_${instance}_Audit_${uuid}`), id);
  gives("166a2cf8-d832-11e9-94c5-fa163ea0e2be", "fa163ea0e2bet11e9d832166a2cf894c5br01");
  gives("136a6680-d832-11e9-94c5-fa163ea0e2be", "fa163ea0e2bet11e9d832136a668094c5br01");
  assert.equal(idOfName("audit.log"), undefined);
});

test("a name made at the documented moment has its time fields and its seconds", () => {
  const names = new FileNames({ now: () => Date.UTC(2019, 8, 16, 3, 28, 44, 753) }, (size) => new Uint8Array(size));
  const { id, name } = names.next(instance, 317156);
  assert.match(
    name,
    new RegExp(`^317156_20190916032844_${instance}_Audit_166a[0-9a-f]{4}-d832-11e9-8000-010000000000$`),
  );
  assert.equal(id.length, 37);
  assert.equal(idOfName(name), id);
});

test("names never repeat, not even while the clock stands or goes back", () => {
  let now = 1_700_000_000_000;
  const names = new FileNames({ now: () => now }, (size) => new Uint8Array(size).fill(0xff));
  const times = Array.from({ length: 300 }, (_, i) => {
    if (i === 100) now -= 60_000;
    const id = names.next(instance, i).id;
    return id.slice(14, 17) + id.slice(17, 21) + id.slice(21, 29);
  });
  assert.deepEqual([...new Set(times)].sort(), times);
});
