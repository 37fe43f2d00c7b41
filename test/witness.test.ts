// A service and its witnesses as real processes: what a quorum cosigns, a witness that is away, a data directory that was
// rolled back, and one log served twice. Each of the last two is caught by who was not rolled back with it.
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseCheckpoint } from "../src/merkle/checkpoint.ts";
import { parseNote } from "../src/merkle/note.ts";
import { taishi, taishiJson } from "./taishi-process.ts";
import {
  append,
  cosignedBy,
  directory,
  get,
  kinds,
  logUrl,
  look,
  metric,
  type Place,
  place,
  policyFile,
  published,
  type State,
  startService,
  startWitness,
  state,
  stop,
  tidy,
  until,
} from "./witness-house.ts";

after(tidy);

test("two witnesses of two cosign what the log shows, prove and export it; one away stops them, not the log", async () => {
  const log = await place("quorum");
  const one = await startWitness("w1", log);
  let two = await startWitness("w2", log);
  const policy = policyFile("quorum", log, [one, two], "all");
  const service = await startService(log, "--witness-policy", policy);
  const size = await append(service, log, ["a", "b", "c"]);

  const witnessed = async (least: number): Promise<State> =>
    until(`${least} witnessed`, async () => {
      const now = await state(service, log);
      return (now.witnessed ?? 0) >= least ? now : undefined;
    });
  const first = await witnessed(size);
  assert.ok(first.stored >= first.signed && first.signed >= first.witnessed!);

  const note = await published(service, log);
  assert.ok(cosignedBy(note, one) && cosignedBy(note, two));
  assert.equal(note.signatures[0]?.name, parseCheckpoint(note.text).origin, "the log's own line comes first");
  // A proof carries the cosignatures too: it is evidence by itself.
  const proof = await (await get(service, log, "/api/v1/events/1/proof")).text();
  const proven = parseNote(proof.slice(proof.indexOf("\n\n") + 2));
  assert.ok(cosignedBy(proven, one) && cosignedBy(proven, two));
  await until("the metric", async () =>
    ((await metric(service, "taishi_ledger_witnessed_entries")) ?? 0) >= size ? true : undefined,
  );
  const status = await taishiJson<State>("log", "status", "--data", log.data, "--account", log.account);
  assert.ok(status.witnessed! >= size && status.signed >= status.witnessed!, JSON.stringify(status));

  const seen = join(directory, "quorum.state");
  const looked = await look(logUrl(service, log), log, "--policy", policy, "--state", seen);
  assert.deepEqual([looked.code, looked.alarms, looked.verified], [0, [], true]);
  assert.ok(looked.checked >= size && looked.checked === looked.size);

  // One is away: appends and signatures go on, the third number stands still.
  const { host } = two.process;
  await stop(two.process);
  const before = (await state(service, log)).witnessed!;
  const grown = await append(service, log, ["d", "e"]);
  await until("signed on", async () => ((await state(service, log)).signed >= grown ? true : undefined));
  await until("a failure", async () =>
    ((await metric(service, 'taishi_witness_failures_total{witness="w2"}')) ?? 0) > 0 ? true : undefined,
  );
  const away = await state(service, log);
  assert.ok(away.witnessed! < grown && away.witnessed! >= before, JSON.stringify(away));
  assert.ok(((await metric(service, 'taishi_witness_lag_entries{witness="w2"}')) ?? 0) > 0);
  assert.equal((await fetch(`${service.url}/readyz`)).status, 200, "a witness that is away is no reason to refuse");

  // Back again, it catches up with a proof from where it was.
  two = await startWitness("w2", log, host);
  await witnessed(grown);
  const caughtUp = await published(service, log);
  assert.ok(parseCheckpoint(caughtUp.text).size >= grown && cosignedBy(caughtUp, one) && cosignedBy(caughtUp, two));

  const files = join(directory, "quorum-files");
  assert.equal((await taishi("log", "export", files, "--data", log.data, "--account", log.account)).code, 0);
  const exported = parseNote(readFileSync(join(files, "checkpoint"), "utf8"));
  assert.ok(cosignedBy(exported, one) && cosignedBy(exported, two));

  const later = await look(logUrl(service, log), log, "--policy", policy, "--state", seen);
  assert.deepEqual([later.code, later.alarms], [0, []]);
  assert.equal(later.checked, later.size! - looked.size!, "only what is new is read");
  const stranger = await taishi("monitor", logUrl(service, log), "--key", log.vkey, "--once");
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /ALARM unreachable .*checkpoint was answered with 401/);

  // What was witnessed is known at the next start, and fsck takes the longer notes.
  await stop(service);
  const fsck = await taishi("fsck", "--data", log.data);
  assert.equal(fsck.code, 0, fsck.stdout + fsck.stderr);
  const again = await startService(log, "--witness-policy", policy);
  assert.ok((await state(again, log)).witnessed! >= grown);
  await stop(again);
  await stop(one.process);
  await stop(two.process);
});

test("a data directory that was rolled back is found out by the witness, at once and after it has grown again", async () => {
  const log = await place("rolled");
  const witness = await startWitness("w3", log);
  const policy = policyFile("rolled", log, [witness], "any");
  const older = join(directory, "rolled-older");
  cpSync(log.data, older, { recursive: true });
  let service = await startService(log, "--witness-policy", policy);
  const size = await append(service, log, ["a", "b", "c", "d"]);
  await until("witnessed", async () => (((await state(service, log)).witnessed ?? 0) >= size ? true : undefined));
  const seen = ["--state", join(directory, "rolled.state")];
  assert.equal((await look(logUrl(service, log), log, ...seen)).code, 0);
  await stop(service);

  rmSync(log.data, { recursive: true });
  cpSync(older, log.data, { recursive: true });
  service = await startService(log, "--witness-policy", policy);
  await until("contradiction", async () =>
    ((await metric(service, "taishi_witness_contradictions_total")) ?? 0) > 0 ? true : undefined,
  );
  const readiness = await fetch(`${service.url}/readyz`);
  assert.equal(readiness.status, 503);
  assert.equal(((await readiness.json()) as { witnesses: { contradicted: number } }).witnesses.contradicted, 1);
  assert.match(service.stderr, /"level":"error".*a witness contradicts this log/);
  const smaller = await look(logUrl(service, log), log, ...seen);
  assert.deepEqual([smaller.code, kinds(smaller)], [1, ["rollback"]]);
  // Grown past what was cosigned it is another log, and its proof fails.
  const other = await append(service, log, ["x", "y", "z", "u", "v", "w"]);
  assert.ok(other > size);
  await stop(service);
  service = await startService(log, "--witness-policy", policy);
  await until("contradiction", async () =>
    ((await metric(service, "taishi_witness_contradictions_total")) ?? 0) > 0 ? true : undefined,
  );
  assert.equal((await fetch(`${service.url}/readyz`)).status, 503);
  assert.ok(((await state(service, log)).witnessed ?? 0) < size);
  const grown = await look(logUrl(service, log), log, ...seen);
  assert.deepEqual([grown.code, kinds(grown)], [1, ["inconsistent"]]);
  const forgetful = await look(logUrl(service, log), log);
  assert.deepEqual([forgetful.code, kinds(forgetful)], [0, []], "who remembers nothing sees a sound log");
  await stop(service);
  await stop(witness.process);
  assert.match(witness.process.stderr, /was not shown to continue/);
});

test("of two services with one key and two histories, the witness cosigns one", async () => {
  const log = await place("split");
  const witness = await startWitness("w4", log);
  const policy = policyFile("split", log, [witness], "any");
  const copy: Place = { ...log, data: join(directory, "split-copy") };
  cpSync(log.data, copy.data, { recursive: true });
  const left = await startService(log, "--witness-policy", policy);
  const size = await append(left, log, ["left 1", "left 2"]);
  await until("witnessed", async () => (((await state(left, log)).witnessed ?? 0) >= size ? true : undefined));
  const right = await startService(copy, "--witness-policy", policy);
  await append(right, copy, ["right 1", "right 2", "right 3", "right 4"]);
  await until("contradiction", async () =>
    ((await metric(right, "taishi_witness_contradictions_total")) ?? 0) > 0 ? true : undefined,
  );
  assert.equal((await fetch(`${right.url}/readyz`)).status, 503);
  assert.equal(cosignedBy(await published(right, copy), witness), false);
  assert.equal((await fetch(`${left.url}/readyz`)).status, 200);
  // A reader of one side finds the other out by what it remembers; a new one, by the missing cosignature.
  const seen = ["--state", join(directory, "split.state")];
  assert.equal((await look(logUrl(left, log), log, ...seen, "--policy", policy)).code, 0);
  const other = await look(logUrl(right, copy), copy, ...seen);
  assert.equal(other.code, 1);
  assert.ok(["inconsistent", "fork", "rollback"].includes(kinds(other)[0]!), JSON.stringify(other.alarms));
  assert.deepEqual(kinds(await look(logUrl(right, copy), copy, "--policy", policy)), ["quorum"]);
  assert.equal(cosignedBy(await published(left, log), witness), true);
  await stop(left);
  await stop(right);
  await stop(witness.process);
});

test("an export on any web server is monitored like the service; it alarms on what was changed in it, and when it ages", async () => {
  const log = await place("static");
  const service = await startService(log);
  const names = Array.from({ length: 300 }, (_, i) => `ep-${i}`);
  const size = await append(service, log, names);
  await until("signed", async () => ((await state(service, log)).signed >= size ? true : undefined));
  const files = join(directory, "static-files");
  const exported = await taishi("log", "export", files, "--data", log.data, "--account", log.account);
  assert.equal(exported.code, 0, exported.stderr);
  await stop(service);
  const server = createServer((request, response) => {
    const path = join(files, request.url!.slice("/somewhere".length));
    if (existsSync(path)) response.end(readFileSync(path));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/somewhere/`;
    const right = await look(url, log);
    assert.deepEqual([right.code, right.alarms, right.checked], [0, [], right.size]);
    const bundle = join(files, "tile/entries/000");
    const bytes = readFileSync(bundle);
    const changed = Buffer.from(bytes);
    changed[changed.indexOf("SshLogin")]! ^= 1;
    rmSync(bundle);
    assert.deepEqual(kinds(await look(url, log)), ["gap"]);
    writeFileSync(bundle, changed);
    const tampered = await look(url, log);
    assert.deepEqual(kinds(tampered), ["tree"]);
    assert.match(tampered.alarms[0]!.message, /^entry \d+ is not the one/);
    writeFileSync(bundle, bytes);
    await delay(2_000);
    assert.deepEqual(kinds(await look(url, log, "--max-age", "1")), ["stale"]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a witness keeps its key to itself, has one owner, and refuses a key without its memory", async () => {
  const log = await place("alone");
  const { process: witness, data, vkey } = await startWitness("w5", log);
  const second = await taishi("witness", "--data", data, "--log", log.vkey, "--listen", "127.0.0.1:0");
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`in use by process ${witness.pid}`));
  const secret = readFileSync(join(data, "witness.pem"), "utf8").split("\n")[1]!;
  await stop(witness);
  assert.ok(!witness.stderr.includes(secret) && !vkey.includes(secret));
  const renamed = await taishi(
    "witness",
    "--data",
    data,
    "--log",
    log.vkey,
    "--name",
    "other",
    "--listen",
    "127.0.0.1:0",
  );
  assert.deepEqual([renamed.code, /is named witness\.example\/w5/.test(renamed.stderr)], [1, true]);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(data, `witness.db${suffix}`), { force: true });
  const forgetful = await taishi(
    "witness",
    "--data",
    data,
    "--log",
    log.vkey,
    "--name",
    "x",
    "--listen",
    "127.0.0.1:0",
  );
  assert.equal(forgetful.code, 1);
  assert.match(forgetful.stderr, /nothing of what it has cosigned/);
  const bad = await taishi("witness", "--data", join(directory, "w6"), "--name", "x", "--log", "nonsense");
  assert.equal(bad.code, 1);
  const open = await taishi("witness", "--data", data, "--log", log.vkey, "--listen", "0.0.0.0:0");
  assert.match(open.stderr, /not a loopback address/);
});
