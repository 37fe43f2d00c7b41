import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { AuditFileView } from "./audit-file-view.ts";
import { AuditFileImporter } from "./importer.ts";
import { MemoryLog } from "./memory-log.test-support.ts";

const account = "2100000001";
const ref = { account, instance: "3d39c18788b54a919bab633874c159dfin01" };
const name = "317156_20190916032844_eb8fe5d181ec44a2850302691541f760in01_Audit_166a2cf8-d832-11e9-94c5-fa163ea0e2be";
const id = "fa163ea0e2bet11e9d832166a2cf894c5br01";
const second = Date.UTC(2024, 8, 4, 0, 57, 0);

function content(count: number, sql = "SELECT "): string {
  const record = (_: unknown, i: number): string =>
    `"${i}", "7", "0", "Query", "2024-09-04T00:57:${String(i % 60).padStart(2, "0")} UTC", "select", "${sql}${i}", "u", "", "", "10.0.0.1", "db"\n`;
  return Array.from({ length: count }, record).join("");
}

function open() {
  const log = new MemoryLog();
  const importer = new AuditFileImporter({
    queries: log,
    appendStatements: (to, events, idempotency) => log.append(to, events, idempotency),
    appendSystem: log.appendSystem,
    clock: log.clock,
  });
  const view = new AuditFileView({ queries: log, append: log.appendSystem, clock: log.clock });
  log.followers.add((to, first, events) => {
    events.forEach((event, i) => {
      if (event.kind === "system") view.committedSystem(to, first + i, event);
    });
  });
  return { log, importer, view };
}

function chunks(text: string, step = 1000): Uint8Array[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) => bytes.subarray(i * step, (i + 1) * step));
}

test("an imported file is listed with its own id, name, begin and end, and downloads as the bytes it came as", async () => {
  const { log, importer, view } = open();
  const text = content(2345);
  const outcome = await importer.import(ref, { name, begin: 5_000, end: 9_000 }, chunks(text));
  const file = { id, name, instance: ref.instance, bytes: text.length, begin: 5_000, end: 9_000, closed: log.now };
  assert.deepEqual(outcome, { file, count: 2345, repeated: false });
  assert.deepEqual(await view.list(ref, { from: 0, to: 6_000, offset: 0, limit: 1 }), { files: [file], total: 1 });
  assert.equal(Buffer.concat(await Array.fromAsync(view.content(ref, file))).toString(), text);
  const first = log.log(account)[0]!.event;
  assert.equal(first.kind === "database" && first.file, id);
});

test("begin and end default to the times of the records", async () => {
  const { importer } = open();
  const { file } = await importer.import(ref, { id: "mine", name: "audit.log" }, chunks(content(30)));
  assert.deepEqual([file.id, file.begin, file.end], ["mine", second, second + 29_000]);
});

test("repeating an import changes nothing, however the bytes are cut, and another content is refused (I8)", async () => {
  const { log, importer } = open();
  const first = await importer.import(ref, { name }, chunks(content(1500)));
  const size = log.log(account).length;
  log.now += 1;
  const again = await Promise.all([
    importer.import(ref, { name }, chunks(content(1500), 77)),
    importer.import(ref, { name }, chunks(content(1500), 100_000)),
  ]);
  for (const outcome of again) assert.deepEqual(outcome, { ...first, repeated: true });
  await assert.rejects(importer.import(ref, { name }, chunks(content(1501))), { code: "already-exists" });
  assert.equal(log.log(account).length, size);
});

test("two imports of one file at once make one file", async () => {
  const { log, importer } = open();
  const outcomes = await Promise.all([1, 2].map(() => importer.import(ref, { name }, chunks(content(10)))));
  assert.deepEqual(
    outcomes.map(({ repeated }) => repeated),
    [false, true],
  );
  assert.equal(log.log(account).length, 11);
});

test("an import that was cut off shows no file and goes on without a second copy", async () => {
  const { log, importer, view } = open();
  function* cut(): Generator<Uint8Array> {
    yield* chunks(content(1800));
    throw new TaishiError("malformed-body", "the connection ended");
  }
  await assert.rejects(importer.import(ref, { name }, cut()), { code: "malformed-body" });
  assert.equal((await view.list(ref, { from: 0, to: 1e15, offset: 0, limit: 1 })).total, 0);
  assert.equal(log.log(account).length, 1000);
  const { file } = await importer.import(ref, { name }, chunks(content(1800)));
  assert.equal(log.log(account).length, 1801);
  assert.equal(Buffer.concat(await Array.fromAsync(view.content(ref, file))).toString(), content(1800));
  await assert.rejects(importer.import(ref, { id: "x", name }, chunks("")), { code: "malformed-body" });
});

test("what a file cannot be described as is refused by its field, before anything is read", async () => {
  const { importer } = open();
  const never: Iterable<Uint8Array> = { [Symbol.iterator]: () => assert.fail("was read") };
  const fails = async (described: object, code: string, field: string): Promise<void> => {
    await assert.rejects(importer.import(ref, { name, ...described }, never), (thrown) => {
      assert.ok(thrown instanceof TaishiError);
      assert.deepEqual([thrown.code, thrown.details.field], [code, field]);
      return true;
    });
  };
  await fails({ name: "audit.log" }, "missing-parameter", "id");
  await fails({ name: "" }, "invalid-parameter", "name");
  await fails({ name: "a\nb" }, "invalid-parameter", "name");
  await fails({ id: "" }, "invalid-parameter", "id");
  await fails({ begin: 2, end: 1 }, "invalid-parameter", "begin");
  await fails({ begin: 1.5 }, "invalid-parameter", "begin");
});

test("a record that no event can be is refused by its number", async () => {
  const { importer, log } = open();
  const bad = content(1) + content(1).replace('"Query"', '""');
  await assert.rejects(importer.import(ref, { name }, chunks(bad)), (thrown) => {
    assert.ok(thrown instanceof TaishiError);
    assert.equal(thrown.details.index, 1);
    return true;
  });
  assert.equal(log.log(account).length, 0);
});
