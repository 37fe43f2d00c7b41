// A witness by C2SP tlog-witness: cosigns a log's checkpoint when it is shown to continue the one cosigned before. A
// function from a request to a response; knows no socket. Told in crash order: judge, sign, remember (fsync), answer. A
// stop before the answer leaves a log that asks again, is told 409 with the size, and goes on from there.
import { hash, type KeyObject } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { TaishiError } from "../errors.ts";
import type { Response } from "../exchange.ts";
import type { Log } from "../log.ts";
import { formatNote, formatSignature, formatVerifierKey, type VerifierKey } from "../merkle/note.ts";
import { judge } from "./add-checkpoint.ts";
import { cosign, cosignerKey } from "./ed25519.ts";
import type { CosignedHead, WitnessStore } from "./witness-store.ts";

export interface WitnessOptions {
  readonly store: WitnessStore;
  readonly privateKey: KeyObject;
  /** Keys of the logs it cosigns; a log may have several, of which one must have signed. */
  readonly logs: readonly VerifierKey[];
  readonly clock: Clock;
  readonly log: Log;
}

const plain = { "content-type": "text/plain; charset=utf-8" } as const;

export class Witness {
  readonly #store: WitnessStore;
  readonly #privateKey: KeyObject;
  readonly #key: VerifierKey;
  readonly #clock: Clock;
  readonly #log: Log;
  #keys = new Map<string, readonly VerifierKey[]>();
  /** Origins by the name their checkpoint has below the monitoring prefix. */
  #names = new Map<string, string>();

  constructor({ store, privateKey, logs, clock, log }: WitnessOptions) {
    this.#store = store;
    this.#privateKey = privateKey;
    this.#key = cosignerKey(store.name, privateKey);
    this.#clock = clock;
    this.#log = log;
    this.trust(logs);
  }

  /** `name+hash+base64`, for the policies of logs and verifiers. */
  get vkey(): string {
    return formatVerifierKey(this.#key);
  }

  /** From now on it cosigns these logs and no others; what it remembers of others stays. */
  trust(logs: readonly VerifierKey[]): void {
    this.#keys = Map.groupBy(logs, ({ name }) => name);
    this.#names = new Map([...this.#keys.keys()].map((origin) => [hash("sha256", origin, "hex"), origin]));
  }

  /** @throws TaishiError disk-full; Fatal where what is remembered is unknown */
  answer({ method, path, body }: { readonly method: string; readonly path: string; readonly body: string }): Response {
    if (path === "/add-checkpoint") return method === "POST" ? this.#addCheckpoint(body) : notAllowed("POST");
    const name = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1];
    if (name === undefined && path !== "/healthz") return text(404, "a witness has add-checkpoint\n");
    if (method !== "GET" && method !== "HEAD") return notAllowed("GET, HEAD");
    return name === undefined ? text(200, "ok\n") : this.#checkpoint(name);
  }

  #addCheckpoint(body: string): Response {
    let before: CosignedHead | undefined;
    const verdict = judge(
      body,
      (origin) => this.#keys.get(origin) ?? [],
      (origin) => {
        before = this.#store.latest(origin);
        return before;
      },
    );
    if (verdict.status !== 200) {
      const proven = verdict.status === 409 && verdict.forked;
      if (proven || verdict.status === 422) this.#keepEvidence(body, verdict.why, proven, before?.note ?? "");
      else this.#log.debug({ status: verdict.status, why: verdict.why }, "not cosigned");
      return verdict.status === 409 ? sizeConflict(verdict.size) : text(verdict.status, `${verdict.why}\n`);
    }
    const { note, checkpoint } = verdict;
    const { origin, size, root } = checkpoint;
    const time = Math.floor(this.#clock.now() / 1000);
    const line = cosign(this.#key, this.#privateKey, note.text, time);
    const known = this.#keys.get(origin)!;
    const ours = note.signatures.filter((given) => known.some(({ name }) => name === given.name));
    const signed = formatNote({ text: note.text, signatures: [...ours, line] });
    // Whoever was faster since `before` was read has won.
    if (!this.#store.advance(origin, before, { size, root, time, note: signed }))
      return sizeConflict(this.#store.latest(origin)?.size ?? 0);
    this.#log.debug({ origin, size }, "cosigned");
    return text(200, formatSignature(line));
  }

  #checkpoint(name: string): Response {
    const origin = this.#names.get(name);
    const latest = origin === undefined ? undefined : this.#store.latest(origin);
    if (latest === undefined) return text(404, "no checkpoint of such a log was cosigned\n");
    return { ...text(200, latest.note), headers: { ...plain, "cache-control": "no-store" } };
  }

  #keepEvidence(submission: string, why: string, proven: boolean, cosigned: string): void {
    const origin = submission.slice(submission.indexOf("\n\n") + 2).split("\n", 1)[0]!;
    if (proven) this.#log.error({ origin, why }, "a log has signed two histories; the evidence is kept");
    else this.#log.warn({ origin, why }, "a signed checkpoint was not shown to continue the one cosigned; it is kept");
    this.#store.contradicted({ origin, time: this.#clock.now(), why, proven, submission, cosigned });
  }
}

/** What a request gets whose answering failed with a known state. */
export function failureAnswer(error: TaishiError): Response {
  const { retryAfter } = error.details;
  const headers = retryAfter === undefined ? plain : { ...plain, "retry-after": String(retryAfter) };
  return { status: error.status, headers, body: `${error.message}\n` };
}

function text(status: number, body: string): Response {
  return { status, headers: plain, body };
}

function sizeConflict(size: number): Response {
  return { status: 409, headers: { "content-type": "text/x.tlog.size" }, body: `${size}\n` };
}

function notAllowed(allow: string): Response {
  return { status: 405, headers: { ...plain, allow }, body: `only ${allow}\n` };
}
