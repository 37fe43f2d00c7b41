// `taishi verify` through the real program, over what the real service exported and proved: what is good passes with a key
// alone, and each way to tamper with it is refused, exits 1, and names the object that is wrong.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CheckpointSigner } from "../src/ledger/signer.ts";
import { parseCheckpoint } from "../src/merkle/checkpoint.ts";
import { entriesOf } from "../src/merkle/entry-bundle.ts";
import { formatNote, formatVerifierKey, parseNote } from "../src/merkle/note.ts";
import { cosign, cosignerKey } from "../src/witness/ed25519.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

interface Found {
  readonly ok: boolean;
  readonly kind: string;
  readonly size: number;
  readonly entries: number;
  readonly quorum: true | null;
  readonly problems: readonly {
    readonly path: string;
    readonly line?: number;
    readonly entry?: number;
    what: string;
  }[];
}

let base: string;
let good: string;
let proof: string;
let keys: { vkey: string; clockVkey: string };
let size: number;
/** A checkpoint of the same log from before. */
let early: string;
let tail: string;

before(async () => {
  base = mkdtempSync(join(tmpdir(), "taishi-verify-"));
  const data = join(base, "data");
  good = join(base, "good");
  early = join(base, "early");
  proof = join(base, "one.tlog-proof");
  const service = await TaishiProcess.serve({ data });
  try {
    const admin = firstKey(data);
    const flags = ["--account", admin.account, "--data", data];
    await append(service, admin, 300);
    const first = join(base, "first");
    for (let covered = 0; covered < 300; )
      covered = (await taishiJson<{ size: number }>("log", "export", first, ...flags)).size;
    renameSync(join(first, "checkpoint"), early);
    await append(service, admin, 500);
    for (size = 0; size < 800; ) ({ size } = await taishiJson<{ size: number }>("log", "export", good, ...flags));
    tail = `002.p/${size - 512}`;
    if (size >= 768) tail = `003.p/${size - 768}`;
    keys = await taishiJson("log", "key", ...flags);
    assert.equal((await taishi("proof", "300", ...flags, "--out", proof)).code, 0);
    assert.equal((await taishi("backup", join(base, "backup"), "--data", data)).code, 0);
  } finally {
    await service.stop();
  }
  // From here on nothing is left but files and a key.
  rmSync(data, { recursive: true });
});

after(() => rmSync(base, { recursive: true, force: true }));

async function append(service: TaishiProcess, { token }: Credentials, count: number): Promise<void> {
  const event = { kind: "security", time: "2024-09-29T11:38:34Z", type: "SshLogin" };
  const events = Array.from({ length: count }, (_, i) => ({
    ...event,
    resource: { type: "endpoint", id: `ep-${i}` },
    ...(i === 7 ? { detail: "x".repeat(70_000) } : {}),
  }));
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function verify(path: string, ...more: readonly string[]): Promise<Found & { code: number | null }> {
  const args = more.includes("--key") ? more : ["--key", keys.vkey, ...more];
  const { code, stdout, stderr } = await taishi("verify", path, ...args, "--json");
  assert.equal(stderr, "");
  return { code, ...(JSON.parse(stdout) as Found) };
}

/** A copy of the export after something was done to it, and what is found then. */
async function afterwards(tamper: (directory: string) => void, ...more: readonly string[]): Promise<Found> {
  const directory = mkdtempSync(join(base, "tampered-"));
  cpSync(good, directory, { recursive: true });
  tamper(directory);
  const found = await verify(directory, ...more);
  assert.deepEqual([found.code, found.ok], [1, false]);
  assert.ok(found.problems.length > 0);
  rmSync(directory, { recursive: true });
  return found;
}

function change(directory: string, path: string, how: (content: Buffer) => Uint8Array): void {
  writeFileSync(join(directory, path), how(readFileSync(join(directory, path))));
}

function flip(content: Buffer, at: number): Buffer {
  content[at] = content[at]! ^ 1;
  return content;
}

const bundleOf = (entries: readonly Uint8Array[]): Buffer =>
  Buffer.concat(entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]));

/** Tampers with the list of entries of bundle 1. */
const rebundled = (how: (entries: Uint8Array[]) => void) => (directory: string) =>
  change(directory, "tile/entries/001", (content) => {
    const entries = [...entriesOf(content)];
    how(entries);
    return bundleOf(entries);
  });

test("a good export, its checkpoint and a proof pass with the key alone, on read-only media, in words and as JSON", async () => {
  chmodSync(good, 0o500);
  const exported = await taishi("verify", good, "--key", keys.vkey, "--key", keys.clockVkey, "--checkpoint", early);
  chmodSync(good, 0o700);
  assert.equal(exported.code, 0, exported.stdout + exported.stderr);
  assert.match(exported.stdout, new RegExp(`^verified: the log \\S+\\.taishi/\\d+ of ${size} entries\\n`));
  assert.match(exported.stdout, /entries +\d+, all\n +blobs +1\n/);
  assert.match(exported.stdout, /cosigned +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by \S+\/clock [0-9a-f]{8}\n/);
  assert.match(exported.stdout, /continues +\S+early, of \d+ entries\n$/);
  const asJson = await verify(good);
  assert.deepEqual([asJson.code, asJson.ok, asJson.kind, asJson.size, asJson.entries], [0, true, "export", size, size]);

  const proven = await taishi("verify", proof, "--key", keys.vkey);
  assert.equal(proven.code, 0, proven.stdout);
  assert.match(proven.stdout, /^verified: entry 300 is in the log /);
  assert.match(proven.stdout, /by \S+\/clock [0-9a-f]{8} \(not checked: its key was not given\)/);
  assert.match(proven.stdout, /"type": "SshLogin"/);
  assert.equal((await verify(proof)).code, 0);
  const checkpoint = await verify(early);
  assert.deepEqual([checkpoint.code, checkpoint.kind], [0, "checkpoint"]);
});

test("a byte in a bundle, an entry swapped, taken out, doubled or put in: the bundle and the entry are named", async () => {
  const named = async (tamper: (directory: string) => void) => {
    const { problems } = await afterwards(tamper);
    assert.equal(problems.length, 1, JSON.stringify(problems));
    return [problems[0]!.path, problems[0]!.entry];
  };
  const bundle = "tile/entries/001";
  assert.deepEqual(await named((at) => change(at, bundle, (content) => flip(content, 20))), [bundle, 256]);
  const swapped = rebundled((entries) => void entries.splice(3, 2, entries[4]!, entries[3]!));
  assert.deepEqual(await named(swapped), [bundle, 259]);
  assert.deepEqual(await named(rebundled((entries) => void entries.splice(9, 1))), [bundle, 265]);
  assert.deepEqual(await named(rebundled((entries) => void entries.splice(9, 0, entries[8]!))), [bundle, 265]);
  const last = `tile/entries/${tail}`;
  const more = (at: string) => change(at, last, (content) => Buffer.concat([content, bundleOf([Buffer.from("{}")])]));
  assert.deepEqual(await named(more), [last, size]);
  const { stdout } = await (async () => {
    const directory = join(base, "in-words");
    cpSync(good, directory, { recursive: true });
    swapped(directory);
    return taishi("verify", directory, "--key", keys.vkey);
  })();
  assert.match(
    stdout,
    /^tile\/entries\/001: entry 259: stands in the place of the entry 1 after it.*\nNOT verified: 1/,
  );
});

test("the tail cut off, a file gone, one too many, a changed tile or blob: each is named", async () => {
  const paths = async (tamper: (directory: string) => void) =>
    (await afterwards(tamper)).problems.map(({ path }) => path);
  const remove = (path: string) => (directory: string) => rmSync(join(directory, path));
  const cut = await paths((at) => {
    remove(`tile/entries/${tail}`)(at);
    remove(`tile/0/${tail}`)(at);
  });
  assert.deepEqual(cut, [`tile/0/${tail}`, "checkpoint", `tile/entries/${tail}`]);
  assert.deepEqual(await paths(remove("tile/entries/001")), ["tile/entries/001"]);
  assert.deepEqual(await paths(remove("tile/0/001")), ["tile/0/001"]);
  const extra = (at: string) => cpSync(join(at, "tile/entries/001"), join(at, "tile/entries/007"));
  assert.deepEqual(await paths(extra), ["tile/entries/007"]);
  assert.deepEqual(await paths((at) => change(at, "tile/0/000", (content) => flip(content, 99))), ["tile/0/000"]);
  const level1 = `tile/1/000.p/${Math.floor(size / 256)}`;
  assert.deepEqual(await paths((at) => change(at, level1, (content) => flip(content, 40))), [level1]);
  const [blob] = readdirSync(join(good, "blob"));
  const named = `blob/${blob!}`;
  assert.deepEqual(await paths((at) => change(at, named, (content) => flip(content, 0))), [named, named]);
  assert.deepEqual(await paths(remove(named)), [named, named]);
  assert.deepEqual(await paths((at) => writeFileSync(join(at, "blob", "0".repeat(64)), "")), [
    `blob/${"0".repeat(64)}`,
  ]);
});

test("a checkpoint replaced, signed with another key, missing or of another past is refused", async () => {
  const note = readFileSync(join(good, "checkpoint"), "utf8");
  const checkpoint = parseCheckpoint(parseNote(note).text);
  const stranger = () => generateKeyPairSync("ed25519").privateKey;
  const forger = new CheckpointSigner({ logKey: stranger(), clockKey: stranger() });
  const put = (text: string) => (directory: string) => writeFileSync(join(directory, "checkpoint"), text);
  const at = async (tamper: (directory: string) => void, ...more: string[]) => {
    const [first] = (await afterwards(tamper, ...more)).problems;
    return [first!.path, first!.line, first!.what.slice(0, 26)];
  };
  assert.deepEqual(await at(put(forger.sign(checkpoint, 1))), ["checkpoint", 5, "is signed with another key"]);
  const elsewhere = forger.sign({ ...checkpoint, origin: "other.taishi/1" }, 1);
  assert.deepEqual(await at(put(elsewhere)), ["checkpoint", 1, "is of the log other.taishi"]);
  const resized = note.replace(`\n${size}\n`, `\n${size - 1}\n`);
  assert.deepEqual(await at(put(resized)), ["checkpoint", 5, `the signature by ${checkpoint.origin.slice(0, 9)}`]);
  assert.deepEqual((await at(put("nonsense"))).slice(0, 2), ["checkpoint", undefined]);
  // An older one that is genuine: what came after it is vouched for by nothing.
  const older = await afterwards(put(readFileSync(early, "utf8")));
  assert.ok(older.problems.some(({ path, what }) => path === `tile/entries/${tail}` && /lies beyond/.test(what)));
  const [missing] = (await afterwards((directory) => rmSync(join(directory, "checkpoint")))).problems;
  assert.match(missing!.what, /has no file `checkpoint`/);
  const kept = join(base, "kept-forged");
  writeFileSync(kept, forger.sign(checkpoint, 1));
  const signer = await verify(good, "--checkpoint", kept);
  assert.deepEqual([signer.code, signer.problems[0]!.path], [1, kept]);
});

test("an export whose log signed another past before is found out by the checkpoint that was kept", async () => {
  // The same service key signs two histories: all signatures are good, only the checkpoints contradict each other.
  const newKey = () => generateKeyPairSync("ed25519").privateKey;
  const signer = new CheckpointSigner({ logKey: newKey(), clockKey: newKey() });
  const origin = "evil.taishi/1";
  const read = (path: string) => parseCheckpoint(parseNote(readFileSync(path, "utf8")).text);
  const directory = join(base, "resigned");
  cpSync(good, directory, { recursive: true });
  writeFileSync(join(directory, "checkpoint"), signer.sign({ ...read(join(good, "checkpoint")), origin }, 1));
  const key = ["--key", signer.vkey(origin)] as const;
  assert.equal((await verify(directory, ...key)).code, 0);

  const kept = join(base, "kept");
  writeFileSync(kept, signer.sign({ ...read(early), origin }, 1));
  assert.equal((await verify(directory, ...key, "--checkpoint", kept)).code, 0);
  writeFileSync(kept, signer.sign({ ...read(early), origin, root: Buffer.alloc(32, 7) }, 1));
  const found = await verify(directory, ...key, "--checkpoint", kept);
  assert.deepEqual([found.code, found.problems[0]!.path, found.problems[0]!.line], [1, kept, 3]);
  assert.match(found.problems[0]!.what, /another past/);
  writeFileSync(kept, signer.sign({ ...read(early), origin, size: size + 1 }, 1));
  assert.match((await verify(directory, ...key, "--checkpoint", kept)).problems[0]!.what, /older copy/);
});

test("a proof with any line changed is refused, and the line is named", async () => {
  const text = readFileSync(proof, "utf8");
  const lines = text.split("\n");
  const file = join(base, "changed.tlog-proof");
  const lineOf = async (changed: readonly string[]): Promise<number | undefined> => {
    writeFileSync(file, changed.join("\n"));
    const { code, problems } = await verify(file);
    assert.equal(code, 1);
    const [{ line, what, path }] = problems as [Found["problems"][0]];
    assert.equal(path, file);
    return line ?? Number(/line (\d+)/.exec(what)?.[1] ?? Number.NaN);
  };
  const blank = lines.indexOf("");
  const entry = Buffer.from(lines[1]!.slice("extra ".length), "base64");
  const forged = `extra ${flip(entry, 40).toString("base64")}`;
  assert.equal(await lineOf(lines.with(1, forged)), 2);
  assert.equal(await lineOf(lines.with(2, "index 301")), 2);
  const hash = flip(Buffer.from(lines[5]!, "base64"), 0).toString("base64");
  assert.equal(await lineOf(lines.with(5, hash)), 2);
  assert.equal(await lineOf(lines.with(5, "short")), 6);
  assert.equal(await lineOf(lines.toSpliced(5, 1)), 2);
  assert.equal(await lineOf(lines.with(blank + 2, String(size + 900))), blank + 6);
  assert.equal(await lineOf(lines.with(blank + 3, hash)), blank + 6);
  assert.equal(await lineOf(lines.toSpliced(1, 1)), 2);
  writeFileSync(file, lines.with(2, "index 301").join("\n"));
  const { stdout } = await taishi("verify", file, "--key", keys.vkey);
  assert.match(stdout, /line 2: this entry, the index in line 3, and the hashes in lines 4 to \d+ do not lead to/);
  writeFileSync(file, "something else\n");
  assert.match((await verify(file)).problems[0]!.what, /line 1 is not c2sp\.org\/tlog-proof@v1/);
});

test("with a policy the quorum must have cosigned, and what is no policy is a wrong command line", async () => {
  const [first, second] = [generateKeyPairSync("ed25519").privateKey, generateKeyPairSync("ed25519").privateKey];
  const witnesses = [cosignerKey("w.example/one", first), cosignerKey("w.example/two", second)] as const;
  const policy = join(base, "policy");
  const ask = (quorum: string) =>
    writeFileSync(
      policy,
      [
        ...witnesses.map((key, i) => `witness w${i + 1} ${formatVerifierKey(key)}`),
        "group both all w1 w2",
        `quorum ${quorum}\n`,
      ].join("\n"),
    );
  const cosigned = (path: string, text: string): void => {
    const split = text.indexOf("\n\n", text.startsWith("c2sp") ? text.indexOf("\n\n") + 2 : 0);
    const from = text.startsWith("c2sp") ? text.indexOf("\n\n") + 2 : 0;
    const note = parseNote(text.slice(from));
    const line = cosign(witnesses[0], first, text.slice(from, split + 1), 1_700_000_000);
    writeFileSync(path, text.slice(0, from) + formatNote({ ...note, signatures: [...note.signatures, line] }));
  };
  const one = join(base, "cosigned.tlog-proof");
  cosigned(one, readFileSync(proof, "utf8"));
  const directory = join(base, "cosigned");
  cpSync(good, directory, { recursive: true });
  cosigned(join(directory, "checkpoint"), readFileSync(join(good, "checkpoint"), "utf8"));
  for (const [plain, signed] of [
    [proof, one],
    [good, directory],
  ] as const) {
    ask("w1");
    const holds = await verify(signed, "--policy", policy);
    assert.deepEqual([holds.code, holds.quorum], [0, true], JSON.stringify(holds));
    const without = await verify(plain, "--policy", policy);
    assert.equal(without.code, 1);
    assert.match(without.problems[0]!.what, /cosigned by no witness of the policy, which is no quorum/);
    ask("both");
    assert.match((await verify(signed, "--policy", policy)).problems[0]!.what, /cosigned by w1, which is no quorum/);
    ask("none");
    assert.equal((await verify(plain, "--policy", policy)).code, 0);
  }
  ask("w1");
  const words = await taishi("verify", one, "--key", keys.vkey, "--policy", policy);
  assert.match(
    words.stdout,
    /cosigned +2023-11-14T22:13:20Z by w\.example\/one [0-9a-f]{8}\n +policy +its quorum holds/,
  );
  const forged = readFileSync(one, "utf8").trimEnd();
  writeFileSync(one, `${forged.slice(0, -8)}AAAAAA==\n`);
  assert.match(
    (await verify(one, "--policy", policy)).problems[0]!.what,
    /the signature by w\.example\/one .* not fit/,
  );
  ask("nobody");
  const { code, stderr } = await taishi("verify", proof, "--key", keys.vkey, "--policy", policy);
  assert.equal(code, 2);
  assert.match(stderr, /line 4: nobody is not defined above/);
});

test("a backup is verified with the key of any of its logs, and a changed file is named", async () => {
  const directory = join(base, "backup");
  const found = await verify(directory);
  assert.deepEqual([found.code, found.kind], [0, "backup"]);
  assert.ok(found.entries >= size);
  assert.match((await taishi("verify", directory, "--key", keys.vkey)).stdout, /^verified: the backup of service /);
  const strange = generateKeyPairSync("ed25519").privateKey;
  const other = new CheckpointSigner({ logKey: strange, clockKey: strange });
  const origin = keys.vkey.slice(0, keys.vkey.indexOf("+"));
  assert.match((await verify(directory, "--key", other.vkey(origin))).problems[0]!.what, /checkpoint .* is not valid/);
  change(directory, "ledger/000001.db", (content) => flip(content, content.length - 9));
  const changed = await verify(directory);
  assert.deepEqual(
    [changed.code, changed.problems.map(({ what }) => what)],
    [1, ["ledger/000001.db has other content than it had"]],
  );
});

test("a wrong key or a missing file ends with 1 and a sentence, a wrong command line with 2", async () => {
  const newKey = generateKeyPairSync("ed25519").privateKey;
  const other = new CheckpointSigner({ logKey: newKey, clockKey: newKey });
  const origin = keys.vkey.slice(0, keys.vkey.indexOf("+"));
  for (const path of [good, proof, early]) {
    const { code, problems } = await verify(path, "--key", other.vkey(origin));
    assert.deepEqual([code, problems.length], [1, 1]);
    assert.match(problems[0]!.what, /is signed with another key/);
  }
  const clock = await taishi("verify", proof, "--key", keys.vkey, "--key", other.clockVkey(origin));
  assert.equal(clock.code, 0, "a cosigner that did not cosign is nobody's promise");
  const gone = await taishi("verify", join(base, "no-such-file"), "--key", keys.vkey);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /there is no file or directory .*no-such-file/);
  for (const args of [
    [good],
    [good, "--key", "nonsense"],
    [good, "--key", keys.vkey.replace("+", "x+")],
    [good, "--key", keys.clockVkey],
    [proof, "--key", keys.vkey, "--checkpoint", early],
    ["--key", keys.vkey],
    [good, "--key", keys.vkey, "--nonsense"],
  ])
    assert.equal((await taishi("verify", ...args)).code, 2, args.join(" "));
});
