// The service's side of witnessing: reads the policy, tells the collector how far the logs are, hands it checkpoints and
// proofs, and keeps what a quorum cosigned in the ledger. What is shown to readers comes from here (log-client.ts).
import { readFileSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { Fatal } from "../errors.ts";
import type { SignedCheckpoint } from "../ledger/port.ts";
import { sha256 } from "../ledger/signer.ts";
import type { LogStatus } from "../ledger/writer.ts";
import type { Log } from "../log.ts";
import { parsePolicy } from "../merkle/policy.ts";
import type { MetricsSource } from "../server/metrics.ts";
import { Collector, type Cosigned, type PolicyWitness } from "../witness/collector.ts";
import { request } from "./http-client.ts";
import type { IndexClient } from "./index-client.ts";
import type { LedgerClient } from "./ledger-client.ts";
import type { WitnessedLogs } from "./log-client.ts";

const timeoutMs = 10_000;
const mostAnswerBytes = 64 * 1024;

export interface WitnessingOptions {
  readonly policyFile: string;
  readonly ledger: Pick<LedgerClient, "service" | "offer" | "cosigned" | "witnessed">;
  readonly reads: Pick<IndexClient, "consistency">;
  readonly clock: Clock;
  readonly log: Log;
}

export class Witnessing implements WitnessedLogs {
  readonly #ledger: WitnessingOptions["ledger"];
  readonly #collector: Collector;
  readonly #stopping = new AbortController();
  readonly #newest = new Map<string, SignedCheckpoint>();
  #logs: readonly LogStatus[] = [];

  /** @throws Fatal where the policy cannot be read, or could never be met */
  constructor({ policyFile, ledger, reads, clock, log }: WitnessingOptions) {
    const policy = readPolicy(policyFile);
    this.#ledger = ledger;
    this.#collector = new Collector({
      policy,
      offer: (accounts) => ledger.offer(accounts),
      consistency: (account, from, to) => reads.consistency(account, from, to),
      post: async (url, body) => {
        const reply = await request(url, {
          method: "POST",
          headers: { "content-type": "text/plain; charset=utf-8" },
          body,
          timeoutMs,
          limit: mostAnswerBytes,
          signal: this.#stopping.signal,
        });
        return { ...reply, body: Buffer.from(reply.body).toString("utf8") };
      },
      keep: (cosigned) => this.#keep(cosigned),
      clock,
      random: Math.random,
      log,
    });
  }

  /** Told about once a second how far the logs are. Returns at once. */
  tick(logs: readonly LogStatus[]): void {
    this.#logs = logs;
    this.#collector.tick(
      logs.flatMap(({ account, checkpoint }) =>
        checkpoint === undefined
          ? []
          : [{ account, origin: `${this.#ledger.service}.taishi/${account}`, ...checkpoint }],
      ),
    );
  }

  async newest(account: string): Promise<SignedCheckpoint | undefined> {
    const known = this.#newest.get(account);
    if (known !== undefined) return known;
    const stored = await this.#ledger.witnessed(account);
    if (stored !== undefined && !this.#newest.has(account)) this.#newest.set(account, stored);
    return this.#newest.get(account);
  }

  /** Sums over all logs. A log that a witness has seen longer, or other, than it is here was rolled back. */
  get health(): { readonly witnessed: number; readonly contradicted: number } {
    return { witnessed: witnessedEntries(this.#logs), contradicted: this.#collector.contradicted.length };
  }

  get metricsSources(): readonly MetricsSource[] {
    const perWitness = (value: "failures" | "lag") => () =>
      this.#collector.witnesses().map((witness) => ({ labels: { witness: witness.name }, value: witness[value] }));
    return [
      {
        name: "taishi_ledger_witnessed_entries",
        help: "Entries covered by a checkpoint that a quorum of witnesses cosigned.",
        read: () => witnessedEntries(this.#logs),
      },
      {
        name: "taishi_witness_contradictions_total",
        help: "Answers of witnesses that contradict a log here: it was rolled back, or exchanged, or there are two of it.",
        counts: true,
        read: () => this.#collector.contradictions,
      },
      {
        name: "taishi_witness_failures_total",
        help: "Checkpoints shown to a witness that it did not cosign.",
        counts: true,
        labels: ["witness"],
        read: perWitness("failures"),
      },
      {
        name: "taishi_witness_lag_entries",
        help: "Signed entries that a witness has not cosigned, as far as is known.",
        labels: ["witness"],
        read: perWitness("lag"),
      },
    ];
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#collector.close();
  }

  async #keep(cosigned: readonly Cosigned[]): Promise<void> {
    for (const { account, ...checkpoint } of await this.#ledger.cosigned(cosigned)) {
      const known = this.#newest.get(account);
      if (known === undefined || checkpoint.size >= known.size) this.#newest.set(account, checkpoint);
    }
  }
}

function witnessedEntries(logs: readonly LogStatus[]): number {
  return logs.reduce((sum, { witnessed }) => sum + (witnessed?.size ?? 0), 0);
}

function readPolicy(path: string) {
  const refuse = (why: string, cause?: unknown): Fatal =>
    new Fatal(`the witness policy ${path} ${why}`, { hint: "docs/witnesses.md shows one.", cause });
  let policy: ReturnType<typeof parsePolicy>;
  try {
    policy = parsePolicy(sha256, readFileSync(path, "utf8"));
  } catch (cause) {
    throw refuse("cannot be read", cause);
  }
  if (!policy.asks) throw refuse("has the quorum none: nothing would be witnessed");
  const witnesses = policy.witnesses.map(({ name, key, url }): PolicyWitness => {
    if (url === undefined || !/^https?:\/\/[^?#\s]+$/.test(url)) throw refuse(`gives no http(s) URL of ${name}`);
    return { name, key, url: url.replace(/\/+$/, "") };
  });
  const origins = new Set(policy.logs.map(({ key }) => key.name));
  return {
    witnesses,
    appliesTo: (origin: string) => origins.size === 0 || origins.has(origin),
    isQuorum: policy.isQuorum,
  };
}
