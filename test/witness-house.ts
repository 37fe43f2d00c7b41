// A service and its witnesses as real processes for test/witness.test.ts: places, policies, and the questions asked of them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Note, parseNote, parseVerifierKey } from "../src/merkle/note.ts";
import { cosignatureBy, sha256 } from "../src/witness/ed25519.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

export const directory = mkdtempSync(join(tmpdir(), "taishi-witnessed-"));
const running = new Set<TaishiProcess>();

/** Ends what still runs and removes what was made. */
export async function tidy(): Promise<void> {
  for (const one of running) await one.kill();
  rmSync(directory, { recursive: true });
}

const patienceMs = 30_000;

/** Asks again until the answer is what is waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await delay(100)) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  assert.fail(`${what}: not within ${patienceMs} ms`);
}

export interface Place {
  readonly data: string;
  readonly account: string;
  readonly vkey: string;
  readonly clockVkey: string;
  readonly admin: Credentials;
}

/** A data directory with an account, its keys known. */
export async function place(name: string): Promise<Place> {
  const data = join(directory, name);
  const first = await TaishiProcess.serve({ data });
  await first.stop();
  const admin = firstKey(data);
  const keys = await taishiJson<{ vkey: string; clockVkey: string }>(
    "log",
    "key",
    "--data",
    data,
    "--account",
    admin.account,
  );
  return { data, account: admin.account, admin, ...keys };
}

export interface RunningWitness {
  readonly process: TaishiProcess;
  readonly vkey: string;
  readonly data: string;
  readonly name: string;
}

export async function startWitness(name: string, log: Place, host?: string): Promise<RunningWitness> {
  const data = join(directory, name);
  const started = await TaishiProcess.witness({
    data,
    name: `witness.example/${name}`,
    logs: [log.vkey],
    ...(host === undefined ? {} : { host }),
  });
  running.add(started.process);
  return { ...started, data, name };
}

export function policyFile(name: string, log: Place, witnesses: readonly RunningWitness[], quorum: string): string {
  const path = join(directory, `${name}.policy`);
  writeFileSync(
    path,
    [
      `# only this account's log`,
      `log ${log.vkey}`,
      ...witnesses.map(({ name: witness, vkey, process }) => `witness ${witness} ${vkey} ${process.url}`),
      `group enough ${quorum} ${witnesses.map(({ name: witness }) => witness).join(" ")}`,
      "quorum enough",
      "",
    ].join("\n"),
  );
  return path;
}

export async function startService(log: Place, ...more: readonly string[]): Promise<TaishiProcess> {
  const service = await TaishiProcess.serve({ data: log.data, arguments: more });
  running.add(service);
  return service;
}

export async function stop(process: TaishiProcess): Promise<void> {
  assert.equal(await process.stop(), 0, process.stderr);
  running.delete(process);
}

export async function append(service: TaishiProcess, { admin }: Place, names: readonly string[]): Promise<number> {
  const events = names.map((id) => ({
    kind: "security",
    time: "2024-09-29T11:38:34Z",
    resource: { type: "endpoint", id },
    type: "SshLogin",
  }));
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin.token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return ((await answer.json()) as { treeSize: number }).treeSize;
}

export async function get(service: TaishiProcess, { admin }: Place, path: string): Promise<Response> {
  return fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${admin.token}` } });
}

export interface State {
  readonly stored: number;
  readonly signed: number;
  readonly witnessed: number | null;
}

export async function state(service: TaishiProcess, log: Place): Promise<State> {
  return (await (await get(service, log, "/api/v1/log")).json()) as State;
}

export async function metric(service: TaishiProcess, line: string): Promise<number | undefined> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const found = text.split("\n").find((one) => one.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

export interface Looked {
  readonly code: number | null;
  readonly size: number | null;
  readonly checked: number;
  readonly verified: boolean;
  readonly alarms: readonly { readonly kind: string; readonly message: string }[];
}

/** One look of `taishi monitor` at a log. */
export async function look(url: string, log: Place, ...more: readonly string[]): Promise<Looked> {
  const { code, stdout, stderr } = await taishi(
    ...["monitor", url, "--key", log.vkey, "--clock-key", log.clockVkey, "--token", log.admin.token],
    ...["--once", "--json", ...more],
  );
  assert.notEqual(stdout, "", stderr);
  return { code, ...(JSON.parse(stdout) as Omit<Looked, "code">) };
}

export const kinds = ({ alarms }: Looked): readonly string[] => alarms.map(({ kind }) => kind);
export const logUrl = (service: TaishiProcess, log: Place): string => `${service.url}/log/${log.account}`;

export const cosignedBy = (note: Note, { vkey }: RunningWitness): boolean =>
  cosignatureBy(note, parseVerifierKey(sha256, vkey)) !== undefined;

export async function published(service: TaishiProcess, log: Place): Promise<Note> {
  const answer = await get(service, log, `/log/${log.account}/checkpoint`);
  assert.equal(answer.status, 200);
  return parseNote(await answer.text());
}
