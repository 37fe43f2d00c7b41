// Collects cosignatures for the checkpoints of all logs of a service: shows the newest one of each log to every witness,
// about once a second while the log grows and once a minute while it does not, and has what reached the quorum stored.
// Never in the way of an append; a witness that fails is asked again after a while that doubles. Remembers nothing over a
// restart: witnesses say themselves how far they are.
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { type NoteSignature, parseNote, type VerifierKey } from "../merkle/note.ts";
import { type Outcome, type ShownCheckpoint, submit, type WitnessReply } from "./submit.ts";

export interface PolicyWitness {
  readonly name: string;
  readonly key: VerifierKey;
  /** Submission prefix. */
  readonly url: string;
}

export interface CollectorPolicy {
  readonly witnesses: readonly PolicyWitness[];
  /** Whether this log's checkpoints are to be cosigned. */
  readonly appliesTo: (origin: string) => boolean;
  /** Whether cosignatures by these witnesses are enough. */
  readonly isQuorum: (names: ReadonlySet<string>) => boolean;
}

/** How far a log is signed. */
export interface SignedLog {
  readonly account: string;
  readonly origin: string;
  readonly size: number;
  /** When its newest checkpoint was signed. */
  readonly time: number;
}

/** Verified cosignatures over one text, enough of them. */
export interface Cosigned {
  readonly account: string;
  readonly size: number;
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface CollectorOptions {
  readonly policy: CollectorPolicy;
  /** The newest checkpoints of these logs, which may then be shown to others. */
  readonly offer: (
    accounts: readonly string[],
  ) => Promise<readonly (Pick<SignedLog, "account" | "size" | "time"> & { readonly note: string })[]>;
  readonly consistency: (account: string, from: number, to: number) => Promise<readonly Uint8Array[]>;
  /** POST to a witness. @throws Error where no answer came in time */
  readonly post: (url: string, body: string) => Promise<WitnessReply>;
  /** Stores them; durable when it resolves. */
  readonly keep: (cosigned: readonly Cosigned[]) => Promise<void>;
  readonly clock: Clock;
  /** From 0 to before 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** What is known of one witness, over all logs. */
export interface WitnessStanding {
  readonly name: string;
  /** Submissions that got no cosignature, since the start. */
  readonly failures: number;
  /** Signed entries that it has not cosigned, as far as is known. */
  readonly lag: number;
}

/** One log at one witness. */
interface Standing {
  readonly witness: PolicyWitness;
  size: number | undefined;
  /** The checkpoint it cosigned last. */
  cosigned: { readonly size: number; readonly time: number } | undefined;
  failures: number;
  notBefore: number;
  inFlight: boolean;
  contradiction: string | undefined;
}

/** The checkpoint of a log that is being shown. */
interface Round extends ShownCheckpoint {
  time: number;
  readonly lines: Map<string, NoteSignature>;
  inFlight: number;
  reached: boolean;
}

interface LogState {
  readonly account: string;
  readonly origin: string;
  signed: number;
  /** When its newest checkpoint was signed. */
  time: number;
  shownAt: number;
  round: Round | undefined;
  readonly standings: readonly Standing[];
}

const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
/** For what asking again soon does not change. */
const settledBackoffMs = 60_000;
const longestSettledMs = 600_000;
/** Logs shown at a time: bounds the requests under way. */
const mostLogsAtOnce = 64;

export class Collector {
  readonly #options: CollectorOptions;
  readonly #logs = new Map<string, LogState>();
  readonly #failures = new Map<string, number>();
  readonly #toKeep = new Map<string, Cosigned>();
  #contradictions = 0;
  #offering = false;
  #keeping: Promise<void> | undefined;
  #closed = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Told about once a second how far the logs are. Returns at once. */
  tick(logs: readonly SignedLog[]): void {
    if (this.#closed) return;
    const now = this.#options.clock.now();
    for (const { size, time, ...log } of logs)
      if (this.#options.policy.appliesTo(log.origin)) Object.assign(this.#stateOf(log), { signed: size, time });
    if (this.#offering) return;
    const due = [...this.#logs.values()].filter((state) => wantsShowing(state, now));
    if (due.length === 0) return;
    const chosen = due.sort((a, b) => a.shownAt - b.shownAt).slice(0, mostLogsAtOnce);
    this.#offering = true;
    this.#options
      .offer(chosen.map(({ account }) => account))
      .then((offered) => {
        for (const one of offered) this.#show(this.#logs.get(one.account)!, one);
      })
      .catch((thrown: unknown) =>
        this.#options.log.warn({ err: thrown }, "checkpoints could not be offered to witnesses"),
      )
      .finally(() => {
        this.#offering = false;
      });
  }

  /** Answers of witnesses since the start that contradict what is here. */
  get contradictions(): number {
    return this.#contradictions;
  }

  /** What contradicts us now, as sentences. */
  get contradicted(): readonly string[] {
    return [...this.#logs.values()].flatMap(({ origin, standings }) =>
      standings.flatMap(({ witness, contradiction }) =>
        contradiction === undefined ? [] : [`${witness.name} says of ${origin}: ${contradiction}`],
      ),
    );
  }

  witnesses(): readonly WitnessStanding[] {
    return this.#options.policy.witnesses.map(({ name }) => {
      const lag = [...this.#logs.values()].reduce((sum, { signed, standings }) => {
        const size = standings.find(({ witness }) => witness.name === name)?.size ?? 0;
        return sum + Math.max(0, signed - size);
      }, 0);
      return { name, failures: this.#failures.get(name) ?? 0, lag };
    });
  }

  /** Shows nothing more, and waits until what was collected is stored. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#keeping;
  }

  #stateOf({ account, origin }: Pick<SignedLog, "account" | "origin">): LogState {
    let state = this.#logs.get(account);
    if (state === undefined) {
      const standings = this.#options.policy.witnesses.map((witness) => ({
        witness,
        size: undefined,
        cosigned: undefined,
        failures: 0,
        notBefore: 0,
        inFlight: false,
        contradiction: undefined,
      }));
      state = { account, origin, signed: 0, time: 0, shownAt: 0, round: undefined, standings };
      this.#logs.set(account, state);
    }
    return state;
  }

  #show(
    state: LogState,
    { size, time, note }: { readonly size: number; readonly time: number; readonly note: string },
  ): void {
    const now = this.#options.clock.now();
    const { text } = parseNote(note);
    state.shownAt = now;
    state.signed = Math.max(state.signed, size);
    state.time = Math.max(state.time, time);
    // All witnesses are shown the same, or a quorum would never come together. Cosignatures are over the text: those of
    // an earlier note of it count on.
    if (state.round?.text === text) state.round = Object.assign(state.round, { note, time });
    else state.round = { size, time, text, note, lines: new Map(), inFlight: 0, reached: false };
    for (const standing of state.standings)
      if (isReady(standing, state.round, now)) void this.#submit(state, state.round, standing);
  }

  async #submit(state: LogState, round: Round, standing: Standing): Promise<void> {
    const { consistency, post, log } = this.#options;
    const { witness } = standing;
    standing.inFlight = true;
    round.inFlight++;
    let outcome: Outcome;
    try {
      outcome = await submit(round, witness.key, standing.size, {
        consistency: (from, to) => consistency(state.account, from, to),
        post: (body) => post(`${witness.url}/add-checkpoint`, body),
        signed: () => state.signed,
      });
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      outcome = { kind: "failure", size: standing.size, why, settled: false };
    } finally {
      standing.inFlight = false;
      round.inFlight--;
    }
    if (this.#closed) return;
    standing.size = outcome.size;
    const about = { witness: witness.name, log: state.origin };
    if (outcome.kind === "failure" || outcome.kind === "contradiction") {
      const first = standing.failures === 0;
      this.#failed(standing, outcome);
      if (outcome.kind === "contradiction")
        log.error(
          { ...about, size: outcome.size, signed: state.signed },
          `a witness contradicts this log: ${outcome.why}`,
        );
      else if (first) log.warn({ ...about, why: outcome.why }, "a witness did not cosign; it is asked again");
      return;
    }
    if (standing.failures > 0) log.info(about, "a witness answers again");
    standing.failures = 0;
    standing.notBefore = 0;
    standing.contradiction = undefined;
    if (outcome.kind === "ahead") return;
    standing.cosigned = { size: round.size, time: round.time };
    round.lines.set(witness.name, outcome.line);
    if (!this.#options.policy.isQuorum(new Set(round.lines.keys()))) return;
    round.reached = true;
    const { account } = state;
    this.#toKeep.set(account, { account, size: round.size, text: round.text, signatures: [...round.lines.values()] });
    this.#keeping ??= this.#keep();
  }

  #failed(standing: Standing, outcome: Extract<Outcome, { readonly why: string }>): void {
    const { clock, random } = this.#options;
    const { name } = standing.witness;
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
    const settled = outcome.kind === "contradiction" || outcome.settled;
    if (outcome.kind === "contradiction") {
      this.#contradictions++;
      standing.contradiction = outcome.why;
    }
    const longest = Math.min(
      (settled ? settledBackoffMs : firstBackoffMs) * 2 ** Math.min(standing.failures, 10),
      outcome.kind === "contradiction" ? settledBackoffMs : settled ? longestSettledMs : longestBackoffMs,
    );
    standing.failures++;
    // Half of it is chance, so that the logs of many services do not come back at once.
    standing.notBefore = clock.now() + longest * (0.5 + random() / 2);
  }

  /** One call at a time; what comes meanwhile goes in the next. */
  async #keep(): Promise<void> {
    try {
      while (this.#toKeep.size > 0) {
        const cosigned = [...this.#toKeep.values()];
        this.#toKeep.clear();
        await this.#options.keep(cosigned);
      }
    } catch (thrown) {
      // The next checkpoints are cosigned too; a store in an unknown state ends the process by itself.
      this.#options.log.warn({ err: thrown }, "cosignatures could not be stored");
    } finally {
      this.#keeping = undefined;
    }
  }
}

/** A round that may still reach the quorum is not given up for a newer checkpoint. */
function wantsShowing({ round, signed, time, standings }: LogState, now: number): boolean {
  if (round !== undefined && round.inFlight > 0 && !round.reached) return false;
  return standings.some((standing) => isReady(standing, { size: signed, time }, now));
}

/** A log that does not grow is signed again once a minute, and cosigned with it: its cosignatures stay as fresh. */
function isReady(
  { inFlight, notBefore, cosigned }: Standing,
  { size, time }: { readonly size: number; readonly time: number },
  now: number,
): boolean {
  if (inFlight || now < notBefore) return false;
  return cosigned === undefined || cosigned.size < size || cosigned.time < time;
}
