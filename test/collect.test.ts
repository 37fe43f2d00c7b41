// `taishi collect` as a new user meets it: files named on the command line, mistakes in the configuration, a wrong token, a
// service that is away, a stop and a start; and the same sources inside the service (`serve --collect`).
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { firstKey, TaishiProcess, taishi } from "./taishi-process.ts";

let directory: string;
let service: TaishiProcess;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "taishi-collect-"));
  service = await TaishiProcess.serve({ data: join(directory, "data") });
  writeFileSync(join(directory, "token"), `${firstKey(join(directory, "data")).token}\n`);
});

after(async () => {
  await service.stop();
  rmSync(directory, { recursive: true });
});

const line = (i: number): string =>
  `2026-11-21T08:00:${String(i % 60).padStart(2, "0")}.000000+00:00 node-1 sshd[${1000 + i}]: Accepted publickey for user${i} from 192.0.2.${i % 250} port ${2000 + i} ssh2: ED25519 SHA256:abc\n`;
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => line(from + i)).join("");

/** A directory of its own with a log of ten lines, a configuration for it and the words that name the configuration. */
function place(
  name: string,
  more = "",
  url = service.url,
): { readonly log: string; readonly words: readonly string[] } {
  const own = join(directory, name);
  mkdirSync(own);
  const log = join(own, "auth.log");
  writeFileSync(log, lines(0, 10));
  const config = join(own, "agent.yaml");
  writeFileSync(
    config,
    `agent: ${name}\nserver: ${url}\ntoken-file: ${directory}/token\nspool: spool\nsources:\n  - name: auth\n    source: sshd\n    input: { files: [${log}] }\nresources:\n  default: { type: host, id: ${name} }\n${more}`,
  );
  return { log, words: ["collect", "--config", config] };
}

/** How many events a host's collected records became. */
async function count(host: string, url = service.url, data = join(directory, "data")): Promise<number> {
  const answer = await fetch(`${url}/api/v1/events?resourceType=host&resourceId=${host}&limit=1`, {
    headers: { authorization: `Bearer ${firstKey(data).token}` },
  });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { total: number }).total;
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 200, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("files on the command line are read to their end, and reading them again adds nothing", async () => {
  const log = join(directory, "flags.log");
  writeFileSync(log, lines(0, 25));
  const words = [
    "collect",
    "--source",
    "sshd",
    "--file",
    log,
    "--resource",
    "host/flags",
    "--agent",
    "flags",
    "--once",
  ];
  const where = ["--server", service.url, "--token-file", join(directory, "token")];
  const first = await taishi(...words, ...where, "--spool", join(directory, "flags-spool"));
  assert.deepEqual([first.code, first.stdout], [0, "25 events acknowledged\n"], first.stderr);
  assert.equal(await count("flags"), 25);
  const again = await taishi(...words, ...where, "--spool", join(directory, "flags-spool"));
  assert.deepEqual([again.code, again.stdout], [0, "0 events acknowledged\n"], again.stderr);
  // Even an agent that lost its spool adds nothing (I8).
  const lost = await taishi(...words, ...where, "--spool", join(directory, "flags-spool-2"));
  assert.deepEqual([lost.code, lost.stdout], [0, "25 events acknowledged, 25 of them were there already\n"]);
  assert.equal(await count("flags"), 25);
});

test("a mistake in the configuration is named with its line or its key, and nothing is read", async () => {
  const { words } = place("mistakes");
  const told = async (text: string): Promise<string> => {
    const file = join(directory, "mistakes", "wrong.yaml");
    writeFileSync(file, text);
    const { code, stderr, stdout } = await taishi("collect", "--config", file);
    assert.notEqual(code, 0);
    assert.equal(stdout, "");
    return stderr;
  };
  const base = `server: ${service.url}\ntoken-file: ../token\nspool: spool\n`;
  assert.match(
    await told(`${base}sources:\n  - name: a\n    source: sshd\n    input: {files: [x\n`),
    /wrong\.yaml.*line \d/s,
  );
  assert.match(
    await told(`${base}sources:\n  - { name: a, source: nothing, input: { files: [x] } }\n`),
    /source.*sshd/s,
  );
  assert.match(await told(`${base}sources:\n  - { name: a, source: sshd, input: { file: [x] } }\n`), /input/);
  assert.match(
    await told(`${base}sources:\n  - { name: a, source: sshd, input: { files: [x] }, options: { zones: UTC } }\n`),
    /zones/,
  );
  assert.match(await told(`${base}spol: x\nsources: []\n`), /spol/);
  assert.match(await told("sources:\n  - { name: a, source: sshd, input: { files: [x] } }\n"), /spool/);
  assert.match(
    await told(
      `server: http://taishi.example:7548\ntoken-file: ../token\nspool: spool\nsources:\n  - { name: a, source: sshd, input: { files: [x] } }\n`,
    ),
    /insecure-http/,
  );
  const absent = await taishi("collect", "--config", join(directory, "absent.yaml"));
  assert.notEqual(absent.code, 0);
  assert.match(absent.stderr, /absent\.yaml/);
  const status = await taishi(...words, "--status");
  assert.notEqual(status.code, 0);
  assert.match(status.stderr, /no agent has run with this spool/);
  assert.equal(await count("mistakes"), 0);
});

test("a wrong token and a service that is away are told, nothing is lost, and it goes on by itself", async () => {
  const { log, words } = place("patient");
  const wrong = join(directory, "patient", "token");
  writeFileSync(wrong, "nobody's\n");
  const agent = await TaishiProcess.collect({
    arguments: [...words.slice(1), "--token-file", wrong, "--log-level", "error"],
  });
  try {
    const status = async (): Promise<string> => (await taishi(...words, "--status")).stdout;
    await until(async () => /token|401|credential/i.test(await status()), "the refused token is not told");
    assert.match(await status(), /10 wait in/);
    assert.doesNotMatch(await status(), /nobody's/);
    assert.equal(await count("patient"), 0);
    // The token's file is read anew at each attempt.
    writeFileSync(wrong, `${firstKey(join(directory, "data")).token}\n`);
    await until(async () => (await count("patient")) === 10, "the spool was not sent with the right token");

    await service.stop();
    appendFileSync(log, lines(10, 30));
    await until(async () => /20 wait in/.test(await status()), "what was read while the service was away is not told");
    service = await TaishiProcess.serve({ data: join(directory, "data"), host: service.host });
    await until(async () => (await count("patient")) === 30, "what was read meanwhile did not come");
    await until(async () => /\b0 wait in/.test(await status()), "the status does not tell that all is sent");
    assert.doesNotMatch(await status(), /^!/m);
    await until(async () => {
      const { agents } = (await (
        await fetch(`${service.url}/api/v1/agents`, {
          headers: { authorization: `Bearer ${firstKey(join(directory, "data")).token}` },
        })
      ).json()) as { agents: { name: string; report: { sent: number } }[] };
      return agents.some(({ name, report }) => name === "patient" && report.sent === 30);
    }, "the service does not know the agent");
  } finally {
    assert.equal(await agent.stop(), 0, agent.stderr);
  }
});

test("the same sources inside the service: read at its start, followed, and gone on with after a restart", async () => {
  const { log, words } = place("inside");
  const data = join(directory, "inside-data");
  const config = words.at(-1)!;
  let inside = await TaishiProcess.serve({ data });
  assert.equal(await inside.stop(), 0);
  const refusal = async (): Promise<string> => {
    const refused = await taishi("serve", "--data", data, "--collect", config, "--listen", "127.0.0.1:0");
    assert.notEqual(refused.code, 0);
    return refused.stderr;
  };
  assert.match(await refusal(), /agent\.yaml: account is required/);
  const text = readFileSync(config, "utf8");
  const { account } = firstKey(data);
  writeFileSync(config, `account: "${account}"\n${text}`);
  assert.match(await refusal(), /server: the service itself collects/);
  writeFileSync(config, `account: "${account}"\n${text.replace(/^(server|token-file|spool):.*\n/gm, "")}`);
  inside = await TaishiProcess.serve({ data, arguments: ["--collect", config] });
  try {
    await until(async () => (await count("inside", inside.url, data)) === 10, "what was there did not come");
    appendFileSync(log, lines(10, 20));
    await until(async () => (await count("inside", inside.url, data)) === 20, "what came later did not come");
    await inside.kill();
    appendFileSync(log, lines(20, 30));
    inside = await TaishiProcess.serve({ data, host: inside.host, arguments: ["--collect", config] });
    await until(async () => (await count("inside", inside.url, data)) === 30, "after a kill it does not go on");
  } finally {
    assert.equal(await inside.stop(), 0, inside.stderr);
  }
  writeFileSync(config, "sources: nothing\n");
  assert.match(await refusal(), /agent\.yaml.*sources/s);
});
