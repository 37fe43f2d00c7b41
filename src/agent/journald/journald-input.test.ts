// The journald input with the system's own journalctl, over journal files that systemd-journal-remote wrote; and with a
// stand-in where journalctl must fail.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { Value } from "typebox/value";
import { ensurePackages } from "../../../test/debian.ts";
import { TaishiError } from "../../errors.ts";
import { eventually, HandedOver } from "../handed-over.test-support.ts";
import { cursorIn, isSameEntry, placeOf } from "./cursor.ts";
import { JournaldInput } from "./journald-input.ts";
import { type JournaldOptions, journaldSchema } from "./journald-options.ts";

const packages = ensurePackages(["systemd", "systemd-journal-remote"]);
const skip = packages.missing ?? false;
const writer = ["/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"].find(existsSync);

const root = mkdtempSync(join(tmpdir(), "taishi-journald-"));
after(() => rmSync(root, { recursive: true }));
const agents: HandedOver[] = [];
afterEach(() => Promise.allSettled(agents.splice(0).map((agent) => agent.stop())));

let journals = 0;
function journal(): string {
  const directory = join(root, `j${journals++}`);
  mkdirSync(directory);
  return directory;
}

interface Line {
  readonly n: number;
  readonly unit?: string;
  readonly boot?: number;
  readonly message?: Buffer;
}

/** Appends entries to a journal, as journald would have. */
function write(directory: string, lines: readonly Line[], name = "system"): void {
  const entries = lines.map(({ n, unit = "ssh.service", boot = 1, message = Buffer.from(`line ${n}`) }) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(message.length));
    const head = `__REALTIME_TIMESTAMP=${1_790_000_000_000_000 + n * 1000}\n__MONOTONIC_TIMESTAMP=${n * 1000 + 1}\n`;
    const fields = `_BOOT_ID=${String(boot).repeat(32)}\n_SYSTEMD_UNIT=${unit}\nSYSLOG_IDENTIFIER=sshd\nMESSAGE\n`;
    return Buffer.concat([Buffer.from(head + fields), size, message, Buffer.from("\n\n")]);
  });
  const done = spawnSync(writer!, [`--output=${join(directory, `${name}.journal`)}`, "-"], {
    input: Buffer.concat(entries),
  });
  assert.equal(done.status, 0, done.stderr.toString());
}

function inputOf(given: Partial<JournaldOptions>): JournaldInput {
  const options = Value.Default(journaldSchema, given);
  assert.ok(Value.Check(journaldSchema, options));
  return new JournaldInput(options, { now: () => 5 });
}

function started(given: Partial<JournaldOptions>, agent = new HandedOver()) {
  const input = inputOf(given);
  agents.push(agent);
  agent.start(input);
  return { input, agent };
}

const messages = (agent: HandedOver): readonly unknown[] =>
  agent.texts.map((text) => (JSON.parse(text) as { MESSAGE: unknown }).MESSAGE);
const range = (from: number, to: number, more: Partial<Line> = {}): Line[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i, ...more }));

test("what is there and what comes, over stops, boots and a rotation, each entry once", { skip }, async () => {
  const directory = journal();
  write(directory, range(0, 20, { boot: 1 }));
  const { input, agent } = started({ directory });
  await agent.until(20);
  await eventually(
    () => input.state.text === "following the journal",
    () => input.state.text,
  );
  write(directory, range(20, 25, { boot: 1 }));
  await agent.until(25);
  await agent.stop();
  write(directory, range(25, 30, { boot: 1 }));
  write(directory, range(30, 40, { boot: 2 }));
  started({ directory }, agent);
  await agent.until(40);
  write(directory, range(40, 45, { boot: 3 }), "next");
  await agent.until(45);
  await agent.stop();
  assert.deepEqual(
    messages(agent),
    range(0, 45).map(({ n }) => `line ${n}`),
  );
  agent.numbersRise();
  assert.equal(new Set(agent.batches.map(({ stream }) => stream)).size, 2, "two files of different origin");
  assert.deepEqual(new Set(agent.batches.map(({ lane }) => lane)), new Set(["journal"]));

  const anew = new HandedOver();
  started({ directory }, anew);
  await anew.until(45);
  await anew.stop();
  const places = (from: HandedOver) =>
    from.batches.flatMap(({ stream, records }) => records.map(({ offset }) => `${stream} ${offset}`));
  assert.deepEqual(places(anew), places(agent), "an agent that lost its memory gives the same positions");
});

test("only what matches, from now on if so asked, and nothing is lost by a stop before the first", {
  skip,
}, async () => {
  const directory = journal();
  write(directory, [{ n: 0 }, { n: 1, unit: "cron.service" }]);
  const options: Partial<JournaldOptions> = { directory, matches: ["_SYSTEMD_UNIT=ssh.service"], from: "now" };
  const { agent } = started(options);
  await eventually(
    () => agent.resume !== undefined,
    () => "no place was kept",
  );
  await agent.stop();
  write(directory, [{ n: 2, unit: "cron.service" }, { n: 3 }, { n: 4 }]);
  started(options, agent);
  await agent.until(2);
  await agent.stop();
  assert.deepEqual(messages(agent), ["line 3", "line 4"]);
});

test("killed at any batch it goes on without loss or repetition", { skip }, async () => {
  const directory = journal();
  write(directory, range(0, 3_000));
  const agent = new HandedOver();
  for (let stops = 0; agent.records.length < 3_000; stops++) {
    assert.ok(stops < 200);
    agent.killAfter = agent.batches.length + 1 + (stops % 3);
    started({ directory }, agent);
    await Promise.race([agent.running, agent.until(3_000)]);
    await agent.stop();
  }
  assert.deepEqual(
    messages(agent),
    range(0, 3_000).map(({ n }) => `line ${n}`),
  );
  agent.numbersRise();
});

test("long values and bytes that are no text come whole, and a message cannot pose as a cursor", { skip }, async () => {
  const directory = journal();
  const long = "x".repeat(100_000);
  const forged = '"__CURSOR":"s=00;i=1" \\"__CURSOR":"s=00;i=1"';
  write(directory, [
    { n: 0, message: Buffer.from(long) },
    { n: 1, message: Buffer.from([72, 0xff, 10, 0]) },
    { n: 2, message: Buffer.from(forged) },
  ]);
  const { agent } = started({ directory });
  await agent.until(3);
  await agent.stop();
  assert.deepEqual(messages(agent), [long, [72, 255, 10, 0], forged]);
  assert.deepEqual(
    agent.records.map(({ offset }) => offset),
    [1, 2, 3],
  );
});

test("what journalctl complains of is told, and it is tried again", { skip }, async () => {
  const directory = join(root, "later");
  const { input, agent } = started({ directory });
  await eventually(
    () => input.state.problem !== null,
    () => "no problem is told",
  );
  assert.match(input.state.problem!, /^journalctl: .*No such file or directory/);
  mkdirSync(directory);
  write(directory, [{ n: 7 }]);
  await agent.until(1);
  await agent.stop();
  assert.deepEqual(messages(agent), ["line 7"]);
});

test("a journalctl that is not there is said so", async () => {
  const agent = new HandedOver();
  agent.start(inputOf({ program: join(root, "journalctl") }));
  await assert.rejects(agent.running, (thrown: TaishiError) => {
    assert.ok(thrown instanceof TaishiError);
    assert.match(thrown.message, /cannot be run: it is not installed$/);
    return true;
  });
});

test("a journalctl that dies within a line, or of itself, is run again from the last cursor", async () => {
  // A stand-in: it notes its arguments, writes one entry more each time and half of the next one, and dies.
  const program = join(root, "dying");
  const seen = join(root, "dying.args");
  writeFileSync(
    program,
    `#!/bin/sh
echo "$*" >> ${seen}
n=$(wc -l < ${seen})
echo "{\\"__CURSOR\\":\\"s=ab;i=$n;b=0\\",\\"MESSAGE\\":\\"$n\\"}"
printf '{"__CURSOR":"s=ab;i=%d;b=0","MESS' $((n + 1))
exit 3
`,
  );
  chmodSync(program, 0o700);
  const { input, agent } = started({ program, matches: ["A=1", "+", "B=2"] });
  await agent.until(3);
  await agent.stop();
  assert.deepEqual(messages(agent).slice(0, 3), ["1", "2", "3"]);
  assert.equal(input.state.problem, "journalctl ended with code 3");
  assert.deepEqual(readFileSync(seen, "utf8").split("\n").slice(0, 3), [
    "--output=json --all -- A=1 + B=2",
    "--output=json --all --follow --no-tail --cursor=s=ab;i=1;b=0 -- A=1 + B=2",
    "--output=json --all --cursor=s=ab;i=2;b=0 -- A=1 + B=2",
  ]);
});

test("cursors name an entry by sequence and number", () => {
  assert.deepEqual(placeOf("s=0b61;i=2f;b=01;m=3e9;t=65;x=96"), { sequence: "0b61", number: 47 });
  for (const wrong of [undefined, "", "i=2;s=1", "s=1;i=", "s=1;i=fffffffffffff;b=1", "s=1;i=2z"])
    assert.equal(placeOf(wrong), undefined, wrong);
  assert.ok(isSameEntry("s=a;i=1;b=2", "s=a;i=1;b=2;t=5"));
  assert.ok(!isSameEntry("s=a;i=1;b=2", "s=b;i=1;b=2"));
  assert.ok(!isSameEntry(undefined, undefined));
  assert.equal(cursorIn('{"MESSAGE":"\\"__CURSOR\\":\\"s=1;i=1\\"","__CURSOR" : "s=2;i=2"}'), "s=2;i=2");
});

test("matches that would be options of journalctl are refused", () => {
  for (const match of ["--vacuum-size=1", "/bin/sh", "a b"])
    assert.ok(!Value.Check(journaldSchema, Value.Default(journaldSchema, { matches: [match] })), match);
});
