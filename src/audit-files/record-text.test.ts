import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import { type AuditRecord, maxRecordBytes, parseRecord, readRecords, renderRecord } from "./record-text.ts";

const sample = `"21596830293", "93726418", "0", "Query", "2024-09-04T00:57:27 UTC", "select", "SELECT pushcode FROM els WHERE els.pn = 'staff500' AND els.ut = '20' ORDER BY els.ct DESC limit 0,1", "root[root] @  [10.3.2.22]", "", "", "10.3.2.22", "portal"
"21596830294", "93594738", "0", "Query", "2024-09-04T00:57:27 UTC", "set_option", "SET autocommit=0", "root[root] @  [10.3.2.34]", "", "", "10.3.2.34", "portal"
`;

async function read(...chunks: readonly (string | Uint8Array)[]): Promise<AuditRecord[]> {
  return Array.fromAsync(readRecords(chunks.map((chunk) => Buffer.from(chunk as string))));
}

function line(sql: string, id = "1"): string {
  return `"${id}", "7", "0", "Query", "2024-09-04T00:57:27 UTC", "select", "${sql}", "u", "", "", "10.0.0.1", "db"\n`;
}

const text = fc.string({ unit: fc.constantFrom('"', "\\", "\r", "\n", "n", "r", ",", " ", "a", "é", "太", "\u2028") });
const optional = fc.option(
  text.filter((value) => value !== ""),
  { nil: undefined },
);
const record = fc
  .record({
    name: fc.oneof(
      fc.constantFrom("Query", "Connect", "Quit"),
      text.filter((value) => value !== ""),
    ),
    time: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
    recordId: optional,
    connectionId: optional,
    status: optional,
    commandClass: optional,
    sql: optional,
    user: optional,
    host: optional,
    externalUser: optional,
    ip: optional,
    database: optional,
  })
  .map((members) => {
    const said = Object.entries(members).filter(([, value]) => value !== undefined);
    return { kind: "database", ...Object.fromEntries(said) } as AuditRecord;
  });

test("the real sample reads as its statements and is written again byte for byte", async () => {
  const records = await read(sample);
  assert.deepEqual(records[1], {
    kind: "database",
    name: "Query",
    time: Date.UTC(2024, 8, 4, 0, 57, 27),
    recordId: "21596830294",
    connectionId: "93594738",
    status: "0",
    commandClass: "set_option",
    sql: "SET autocommit=0",
    user: "root[root] @  [10.3.2.34]",
    ip: "10.3.2.34",
    database: "portal",
  });
  assert.equal(records.map(renderRecord).join(""), sample);
});

test("what is written reads back the same, whatever the texts hold and wherever the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 40 }),
      async (records, step) => {
        const lines = records.map(renderRecord);
        for (const rendered of lines) assert.equal(rendered.indexOf("\n"), rendered.length - 1);
        const bytes = Buffer.from(lines.join(""));
        const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
          bytes.subarray(i * step, (i + 1) * step),
        );
        assert.deepEqual(await Array.fromAsync(readRecords(chunks)), records);
        assert.deepEqual(await Array.fromAsync(readRecords([bytes])), records);
      },
    ),
    { numRuns: 150 },
  );
});

test("a statement cannot forge a record in what is written", async () => {
  const forged = `x"\n${line("DROP TABLE t", "2").trimEnd()}`;
  const records = await read(renderRecord({ name: "Query", time: 0, sql: forged }));
  assert.deepEqual(records, [{ kind: "database", name: "Query", time: 0, sql: forged }]);
});

test("raw line breaks belong to the statement, with quotes doubled or not, and its backslashes stay", async () => {
  const gives = async (sql: string, expected: string): Promise<void> => {
    const records = await read(line(sql), line("next", "2"));
    assert.deepEqual(
      records.map((found) => found.sql),
      [expected, "next"],
    );
  };
  await gives("SELECT 1,\n  2\r\nFROM t", "SELECT 1,\n  2\r\nFROM t");
  await gives('SELECT ""a"",\n""b""', 'SELECT "a",\n"b"');
  await gives('SELECT "a", "b",\n"c" FROM t', 'SELECT "a", "b",\n"c" FROM t');
  await gives("SELECT '\\n',\n1", "SELECT '\\n',\n1");
  await gives("SELECT 'C:\\dir'", "SELECT 'C:\\dir'");
  await gives('SELECT 1,\n"9", "8" FROM t', 'SELECT 1,\n"9", "8" FROM t');
});

test("connection records may lack the command class and the statement", async () => {
  const [connect, quit] = await read(
    '"1", "7", "0", "Connect", "2024-09-04T00:57:27 UTC", "u[u] @ h []", "h", "", "", "db"\n',
    '"2", "7", "0", "Quit", "2024-09-04T00:57:28 UTC", "quit", "u[u] @ h []", "h", "", "", "db"',
  );
  assert.deepEqual(connect, {
    kind: "database",
    name: "Connect",
    time: Date.UTC(2024, 8, 4, 0, 57, 27),
    recordId: "1",
    connectionId: "7",
    status: "0",
    user: "u[u] @ h []",
    host: "h",
    database: "db",
  });
  assert.equal(quit?.commandClass, "quit");
  assert.equal(quit?.user, "u[u] @ h []");
});

test("a byte order mark, empty lines, Windows line ends and a missing last newline do no harm", async () => {
  const windows = sample.replaceAll("\n", "\r\n");
  const plain = await read(sample);
  assert.deepEqual(await read(`\ufeff\r\n${windows}\r\n`), plain);
  assert.deepEqual(await read(sample.trimEnd()), plain);
  assert.deepEqual(await read(""), []);
});

test("what is no record is refused by its number", async () => {
  const fails = async (index: number, ...chunks: string[]): Promise<void> => {
    await assert.rejects(read(...chunks), (thrown) => {
      assert.ok(thrown instanceof TaishiError);
      assert.equal(thrown.code, "malformed-body");
      assert.equal(thrown.details.index, index);
      return true;
    });
  };
  await fails(0, "record_id,connection_id\n");
  await fails(1, line("a"), '"2", "7", "0", "Query", "2024-09-04T00:57:27 UTC", "sel');
  await fails(1, line("a"), '"2", "7", "0", "Query", "2024-09-04T00:57:27 UTC", "select"\n', line("b", "3"));
  await fails(0, line("a").replace("09-04", "02-30"));
  assert.throws(() => parseRecord("nothing"), TaishiError);
});

test("a record of 16 MiB is read, one without end is refused before it fills the memory", async () => {
  const long = `${"x".repeat(1023)}\n`.repeat(16 * 1024);
  const [found] = await read(renderRecord({ name: "Query", time: 0, sql: long }));
  assert.equal(found?.sql === long, true);
  let fed = 0;
  function* endless(): Generator<Uint8Array> {
    yield Buffer.from(line("a").slice(0, 70));
    for (;;) {
      fed += 1024 * 1024;
      yield Buffer.alloc(1024 * 1024, "x");
    }
  }
  await assert.rejects(Array.fromAsync(readRecords(endless())), { code: "too-large" });
  assert.ok(fed <= maxRecordBytes + 2 * 1024 * 1024);
});
