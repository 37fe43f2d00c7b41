// Whether what the service shows of an event is what the log holds, checked here: the entry's hash up to a signed checkpoint,
// the checkpoint's signature under the key that this browser has known since its first visit, or one that it leads to by
// checkpoints that both signed, that the checkpoint continues the one it remembers, and that the entry says what is shown.
// Nothing of it is believed.

import { ed25519Cosignature } from "../../src/merkle/note.ts";
import {
  fromBase64,
  parseKey,
  portable,
  toHex,
  verifyCheckpoint,
  verifyConsistency,
  verifyProof,
} from "../../src/merkle/verify.ts";
import { ask, askRaw, type StoredEvent } from "./api.ts";

export interface Proved {
  readonly size: number;
  readonly origin: string;
  /** When the checkpoint was signed by the service's clock, epoch milliseconds. */
  readonly time: number | undefined;
  /** The checkpoint remembered from an earlier visit that this one continues. */
  readonly since: { readonly size: number } | undefined;
  /** Rotations of the log's key since then. */
  readonly rotations: number;
  /** The .tlog-proof. */
  readonly file: string;
}

/** What this browser remembers of a log. */
interface Remembered {
  readonly vkey: string;
  readonly checkpoint: string;
}

interface LogState {
  readonly account: string;
  readonly origin: string;
  readonly vkey: string;
  readonly clockVkey: string;
}

const place = (account: string): string => `taishi-log:${account}`;

/** @throws Error saying what disagrees */
export async function prove(event: StoredEvent): Promise<Proved> {
  const [state, file] = await Promise.all([
    ask<LogState>("/api/v1/log"),
    askRaw(`/api/v1/events/${event.seq}/proof`).then((response) => response.text()),
  ]);
  if (parseKey(state.clockVkey).type !== ed25519Cosignature)
    throw new Error(`the service shows a clock key that is none: ${state.clockVkey}`);
  const before = JSON.parse(localStorage.getItem(place(state.account)) ?? "null") as Remembered | null;
  const { known, rotations } = before === null ? { known: null, rotations: 0 } : await follow(before, state);
  const trust = { keys: [known?.vkey ?? state.vkey, state.clockVkey] };
  const { entry, index, checkpoint } = verifyProof(file, trust);
  if (index !== event.seq) throw new Error(`the proof is of entry ${index}, not of ${event.seq}`);
  compare(JSON.parse(new TextDecoder().decode(entry)) as Entry, event);
  const note = file.slice(file.indexOf(`\n${checkpoint.origin}\n`) + 1);
  const since = known === null ? undefined : await continues(known, note, checkpoint.size, trust);
  if (known === null || checkpoint.size >= (since?.size ?? 0))
    remember(state.account, { vkey: trust.keys[0]!, checkpoint: note });
  const clock = parseKey(state.clockVkey);
  const seconds = checkpoint.cosigned.get(clock.name);
  return {
    size: checkpoint.size,
    origin: checkpoint.origin,
    time: seconds === undefined ? undefined : seconds * 1000,
    since,
    rotations,
    file,
  };
}

function remember(account: string, what: Remembered): void {
  localStorage.setItem(place(account), JSON.stringify(what));
}

interface Link {
  readonly oldKey: string;
  readonly newKey: string;
  readonly checkpoint: string;
}

/**
 * From the key that is remembered to the one that the service shows, by checkpoints that each key and the next signed and
 * that continue what is remembered.
 */
async function follow(
  before: Remembered,
  { account, origin, vkey, clockVkey }: LogState,
): Promise<{ readonly known: Remembered; readonly rotations: number }> {
  const named = parseKey(before.vkey).name;
  if (named !== origin)
    throw new Error(
      `the service shows the log ${origin}, and this browser knows the account's as ${named}; where its operator began a new log, clear this site's data`,
    );
  let known = before;
  if (known.vkey === vkey) return { known, rotations: 0 };
  const { links } = await ask<{ links: readonly Link[] }>("/api/v1/log/links");
  let rotations = 0;
  for (const { oldKey, newKey, checkpoint } of links) {
    if (oldKey !== known.vkey) continue;
    const trust = { keys: [oldKey, clockVkey] };
    const { size } = verifyCheckpoint(checkpoint, trust);
    verifyCheckpoint(checkpoint, { keys: [newKey] });
    // The old key signs nothing after the link: an older one would lead back behind what is remembered.
    const remembered = verifyCheckpoint(known.checkpoint, trust);
    if (size < remembered.size)
      throw new Error(
        `the checkpoint of ${size} entries that links the log's keys is older than that of ${remembered.size} entries that this browser remembers`,
      );
    await continues(known, checkpoint, size, trust);
    known = { vkey: newKey, checkpoint };
    rotations++;
  }
  if (known.vkey !== vkey)
    throw new Error(
      `the service shows another log key (${vkey}) than this browser knows (${before.vkey}), and no checkpoints that lead from one to the other`,
    );
  remember(account, known);
  return { known, rotations };
}

async function continues(
  known: Remembered,
  note: string,
  size: number,
  trust: { readonly keys: readonly string[] },
): Promise<{ readonly size: number }> {
  const before = verifyCheckpoint(known.checkpoint, trust);
  const [older, newer] = before.size <= size ? [known.checkpoint, note] : [note, known.checkpoint];
  const [from, to] = [Math.min(before.size, size), Math.max(before.size, size)];
  const proof =
    from === to
      ? []
      : (await ask<{ proof: readonly string[] }>("/api/v1/log/consistency", { query: { from, to } })).proof;
  verifyConsistency(
    older,
    newer,
    proof.map((hash) => fromBase64(hash)),
    trust,
  );
  return { size: before.size };
}

interface Entry {
  readonly event: Readonly<Record<string, unknown>>;
  readonly received: number;
  readonly [member: string]: unknown;
}

/** @throws Error naming the first member that is shown otherwise than the log has it */
function compare({ event, received, v: _v, salt: _salt, ...record }: Entry, shown: StoredEvent): void {
  const told = shown as unknown as Readonly<Record<string, unknown>>;
  if (Date.parse(shown.received) !== received) throw new Error("received: the log says another time");
  for (const [name, value] of Object.entries({ ...event, ...record })) {
    const seen = told[name];
    const same = name === "time" ? Date.parse(String(seen)) === value : equal(value, seen);
    // An assembled detail is shown with the event's derived id in it.
    if (!same && !(name === "assembled" || (name === "detail" && event.assembled === true)))
      throw new Error(`${name}: shown is ${brief(seen)}, the log has ${brief(value)}`);
  }
}

/** A long string is in the log by its digest. */
function equal(kept: unknown, seen: unknown): boolean {
  if (typeof kept === "object" && kept !== null) {
    const digest = (kept as { $sha256?: string }).$sha256;
    if (digest !== undefined && typeof seen === "string") return toHex(digestOf(seen)) === digest;
    if (typeof seen !== "object" || seen === null) return false;
    const names = new Set([...Object.keys(kept), ...Object.keys(seen)]);
    return [...names].every((name) =>
      equal((kept as Record<string, unknown>)[name], (seen as Record<string, unknown>)[name]),
    );
  }
  return kept === seen;
}

function digestOf(text: string): Uint8Array {
  const digest = new Uint8Array(32);
  portable.sha256(new TextEncoder().encode(text), digest, 0);
  return digest;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
