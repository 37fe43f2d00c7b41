// `taishi fsck` as an operator runs it, on a data directory whose index was edited by hand.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, test } from "node:test";
import { parseEntry } from "../src/event/entry.ts";
import { factsOf } from "../src/event/stream.ts";
import { RunIndex } from "../src/index/run-index.ts";
import { LedgerReader } from "../src/ledger/store.ts";
import { firstKey, TaishiProcess, taishi } from "./taishi-process.ts";

let data: string;

afterEach(() => rmSync(data, { recursive: true }));

/** A data directory with 3,000 events and an index whose runs hold most of them: a server's own would be larger. */
async function prepared(): Promise<string> {
  data = mkdtempSync(join(tmpdir(), "taishi-fsck-"));
  const service = await TaishiProcess.serve({ data });
  const { account } = firstKey(data);
  const file = join(data, "events.ndjson");
  const one = (i: number) => ({
    ...{ kind: "security", time: 1_700_000_000_000 + i, type: "SshLogin" },
    resource: { type: "endpoint", id: `ep-${i % 7}` },
  });
  writeFileSync(file, Array.from({ length: 3_000 }, (_, i) => JSON.stringify(one(i))).join("\n"));
  assert.equal((await taishi("append", file, "--account", account, "--data", data)).code, 0);
  assert.equal(await service.stop(), 0);

  const reader = LedgerReader.open(join(data, "ledger"));
  const index = RunIndex.open({ directory: join(data, "index"), ledgerId: reader.service, memoryEvents: 1_000 });
  const seqs = Array.from({ length: reader.size(account) }, (_, seq) => seq);
  index.add(account, 0, factsOf(reader.read(account, seqs).map((bytes) => parseEntry(bytes).event)));
  while (index.stats().runs < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await index.close();
  reader.close();
  return account;
}

const report = async (...flags: readonly string[]) => {
  const { code, stdout } = await taishi("fsck", "--data", data, "--json", ...flags);
  return {
    code,
    ...(JSON.parse(stdout) as { ok: boolean; problems: { account: string; what: string }[]; index: object }),
  };
};

test("an index edited by hand is found, named with its account, and mended by reindex", async () => {
  const account = await prepared();
  const before = await report();
  assert.deepEqual([before.code, before.ok, before.problems], [0, true, []]);
  assert.deepEqual(before.index, { state: "compared", runs: 3, entries: 3_000, problems: 0 });

  const run = readdirSync(join(data, "index")).find((name) => name.startsWith("run-"))!;
  const database = new DatabaseSync(join(data, "index", run));
  const { id, body } = database.prepare("SELECT id, body FROM leaf").get() as { id: number; body: Uint8Array };
  body[body.length - 1]! ^= 2; // the lowest bit is a sign, and this number is zero
  database.prepare("UPDATE leaf SET body = ? WHERE id = ?").run(body, id);
  database.close();

  const { code, stdout } = await taishi("fsck", "--data", data);
  assert.equal(code, 1);
  assert.match(
    stdout,
    new RegExp(`^account ${account}: the index disagrees with the ledger: .*run \`taishi reindex\``, "m"),
  );
  const edited = await report();
  assert.equal(edited.ok, false);
  assert.ok(edited.problems.some(({ what }) => what.startsWith("the index disagrees")));
  const skipped = await report("--no-index");
  assert.deepEqual([skipped.code, skipped.problems], [0, []]);
  assert.deepEqual(skipped.index, { state: "skipped", runs: 0, entries: 0, problems: 0 });

  assert.equal((await taishi("reindex", "--data", data)).code, 0);
  assert.equal((await report()).code, 0);
});

test("without an index fsck says so and is content", async () => {
  await prepared();
  rmSync(join(data, "index"), { recursive: true });
  const { code, stdout } = await taishi("fsck", "--data", data);
  assert.equal(code, 0);
  assert.match(stdout, /no index yet/);
});
