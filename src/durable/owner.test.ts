import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Fatal } from "../errors.ts";
import { acquireOwner, readOwner } from "./owner.ts";

const root = mkdtempSync(join(tmpdir(), "taishi-owner-"));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
const directory = (): string => join(root, `data-${count++}`);

/** A process that runs `body` with acquireOwner and readOwner at hand, then stays until killed. */
function start(body: string): ChildProcess {
  const module = new URL("./owner.ts", import.meta.url).href;
  const script = `import { acquireOwner, readOwner } from ${JSON.stringify(module)};
    const say = (word) => process.stdout.write(word + "\\n");
    setInterval(() => {}, 1000);
    ${body}`;
  const child = spawn(
    process.execPath,
    ["--expose-gc", "--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

async function line(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.endsWith("\n")) break;
  }
  return text.trim();
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

const acquireIn = (data: string): string =>
  `try { acquireOwner(${JSON.stringify(data)}, { pid: process.pid, socketPath: "/run/taishi.sock" }); say("won"); }
   catch (thrown) { say(thrown.message); }`;

test("a fresh directory is created for its owner alone, and the note names the owner", () => {
  const data = directory();
  const owner = acquireOwner(data, { pid: process.pid, socketPath: "/s", clock: { now: () => 1_700_000_000_000 } });
  assert.equal(statSync(data).mode & 0o777, 0o700);
  assert.deepEqual(JSON.parse(readFileSync(join(data, "owner.json"), "utf8")), {
    pid: process.pid,
    socket: "/s",
    since: "2023-11-14T22:13:20.000Z",
  });
  assert.deepEqual(readOwner(data), { pid: process.pid, socket: "/s" });
  owner.release();
});

test("a second owner in the same process is refused with the pid, and the first keeps the lock", async () => {
  const data = directory();
  const owner = acquireOwner(data, { pid: process.pid });
  assert.throws(
    () => acquireOwner(data, { pid: process.pid }),
    (thrown) =>
      thrown instanceof Fatal && thrown.message.includes(`process ${process.pid}`) && thrown.hint !== undefined,
  );
  assert.deepEqual(readOwner(data), { pid: process.pid });
  const other = start(acquireIn(data));
  assert.match(await line(other), new RegExp(`in use by process ${process.pid}$`));
  owner.release();
});

test("release lets the next one in, takes its note away, and may be repeated", () => {
  const data = directory();
  const first = acquireOwner(data, { pid: process.pid });
  first.release();
  assert.equal(readOwner(data), undefined);
  assert.equal(existsSync(join(data, "owner.json")), false);
  const second = acquireOwner(data, { pid: process.pid });
  first.release();
  assert.deepEqual(readOwner(data), { pid: process.pid });
  second.release();
});

test("a directory that was never owned, or is missing, has no owner", () => {
  assert.equal(readOwner(directory()), undefined);
  assert.equal(readOwner(root), undefined);
});

test("another process holds the directory until it is killed, and its note is stale from then on", async () => {
  const data = directory();
  const child = start(acquireIn(data));
  assert.equal(await line(child), "won");
  assert.deepEqual(readOwner(data), { pid: child.pid, socket: "/run/taishi.sock" });
  assert.throws(() => acquireOwner(data, { pid: process.pid }), new RegExp(`in use by process ${child.pid}$`));
  await kill(child);
  assert.equal(existsSync(join(data, "owner.json")), true);
  assert.equal(readOwner(data), undefined);
  const owner = acquireOwner(data, { pid: process.pid });
  assert.deepEqual(readOwner(data), { pid: process.pid });
  owner.release();
});

test("of processes that race for a directory exactly one wins, and the others name it", async () => {
  const racers = [1, 2, 3].map(() =>
    start(
      `say("ready");
       process.stdin.on("data", (chunk) => {
         const { data, at } = JSON.parse(chunk);
         while (Date.now() < at);
         try { acquireOwner(data, { pid: process.pid }); say("won"); } catch (thrown) { say(thrown.message); }
       });`,
    ),
  );
  for (const racer of racers) assert.equal(await line(racer), "ready");
  for (let round = 0; round < 3; round++) {
    const data = directory();
    const at = Date.now() + 30;
    for (const racer of racers) racer.stdin!.write(JSON.stringify({ data, at }));
    const words = await Promise.all(racers.map(line));
    const winners = racers.filter((_, i) => words[i] === "won");
    assert.equal(winners.length, 1, words.join("; "));
    for (const word of words)
      if (word !== "won") assert.match(word, new RegExp(`in use by process ${winners[0]!.pid}$`));
  }
  for (const racer of racers) await kill(racer);
});

test("readers that test the lock all the time do not keep an owner out", async () => {
  const data = directory();
  acquireOwner(data, { pid: process.pid }).release();
  const readers = [1, 2].map(() =>
    start(
      `say("reading"); const look = () => { for (let i = 0; i < 100; i++) try { readOwner(${JSON.stringify(data)}) } catch {} setImmediate(look) }; look();`,
    ),
  );
  for (const reader of readers) assert.equal(await line(reader), "reading");
  for (let i = 0; i < 10; i++) acquireOwner(data, { pid: process.pid }).release();
  for (const reader of readers) await kill(reader);
});

test("an owner that nobody refers to any more still holds the lock after garbage collection", async () => {
  const data = directory();
  const child = start(
    `acquireOwner(${JSON.stringify(data)}, { pid: process.pid });
     for (let i = 0; i < 5; i++) { gc(); await new Promise((next) => setTimeout(next, 1)); }
     say("collected");`,
  );
  assert.equal(await line(child), "collected");
  assert.deepEqual(readOwner(data), { pid: child.pid });
  await kill(child);
});

test("a held lock whose note is damaged is refused without inventing a pid", () => {
  const data = directory();
  const owner = acquireOwner(data, { pid: process.pid });
  for (const note of ["{", '{"pid":"1"}']) {
    writeFileSync(join(data, "owner.json"), note);
    assert.throws(() => readOwner(data), /in use by another process/);
  }
  owner.release();
});
