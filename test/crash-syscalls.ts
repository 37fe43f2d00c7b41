// Puts a fault into every single file call of the append path of the real program, one at a time, each in a trial of its own
// (crash-trial.ts): lists the calls of each scenario when nothing goes wrong, and then goes through all of them, or through
// a sample. Owns which call gets which fault, that the fault was really put in, and the summary.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { faultsOf, roleOf, type Scenario, scenarios } from "./crash-scenarios.ts";
import { type Outcome, type Preparation, Trial } from "./crash-trial.ts";
import type { Call, Fault, Injection } from "./strace.ts";

/** How often a run is made again that was not like the one listed: a checkpoint came in between, or a reader was in the way. */
const attempts = 5;

/** One fault to be put in. */
export interface Step extends Injection {
  readonly scenario: Scenario;
  /** roleOf the file. */
  readonly role: string;
}

/**
 * What no kill can show, because the kernel keeps a dead process's writes: that every file written is synced before the
 * other of the two, ledger and anchor, is turned to (I1, I2), and a directory after a rename in it.
 */
export function checkSynced(calls: readonly Call[]): void {
  const unsynced = new Set<string>();
  const sideOf = ({ path }: Call): string => (roleOf(path).startsWith("ledger") ? "ledger" : "anchor");
  let side = "";
  // SQLite's shared memory is made anew at every opening: nothing in it is durable, or has to be.
  for (const call of calls.filter(({ path }) => !path.endsWith("-shm"))) {
    if (sideOf(call) !== side) assert.deepEqual([...unsynced], [], `not synced before: ${call.line}`);
    side = sideOf(call);
    if (call.name === "pwrite64" || call.name === "write") unsynced.add(call.path);
    if (call.name === "rename") unsynced.add(dirname(call.path));
    if (call.name === "fsync" || call.name === "fdatasync") unsynced.delete(call.path);
  }
  assert.deepEqual([...unsynced], [], "not synced in the end");
}

/** The calls of every scenario when nothing goes wrong: those that two runs agree in. */
export async function listCalls(preparation: Preparation): Promise<ReadonlyMap<Scenario, readonly Call[]>> {
  const list = async (scenario: Scenario): Promise<readonly Call[]> => {
    const seen = new Set<string>();
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { calls } = await Trial.run(preparation, scenario, undefined);
      checkSynced(calls);
      const faulted = calls.filter((call) => faultsOf(call).length > 0);
      const shape = faulted.map(({ name, path }) => `${name} ${roleOf(path)}`).join();
      if (seen.has(shape)) return calls;
      seen.add(shape);
    }
    throw new Error(`no two of ${attempts} runs of "${scenario.name}" had the same calls`);
  };
  const calls = await Promise.all(scenarios.map(list));
  return new Map(scenarios.map((scenario, i) => [scenario, calls[i]!]));
}

/** Every fault of every call. */
export function stepsOf(scenario: Scenario, calls: readonly Call[]): readonly Step[] {
  const counts = new Map<string, number>();
  return calls.flatMap((call, i) => {
    const nth = (counts.get(call.name) ?? 0) + 1;
    counts.set(call.name, nth);
    const next = calls.slice(i + 1).find((later) => faultsOf(later).includes("killed after"));
    // Nobody else writes these files: after one write of a stretch, and before the next, is the same disk.
    const goesOn = call.name === "pwrite64" && next?.name === "pwrite64" && next.path === call.path;
    return faultsOf(call)
      .filter((fault) => fault !== "killed after" || !goesOn)
      .map((fault) => ({ scenario, name: call.name, nth, fault, role: roleOf(call.path) }));
  });
}

/**
 * Of the steps, each kind of call with each fault once, on as many different files as there are; writes of the ledger's
 * pages, the bulk of them, with each fault on each file.
 */
export function sampleOf(steps: readonly Step[]): readonly Step[] {
  const kindOf = ({ name, role }: Step): string => (name === "pwrite64" ? `${name} ${role}` : name);
  return [...new Set(steps.map(kindOf))].flatMap((kind) => {
    const own = steps.filter((step) => kindOf(step) === kind);
    const roles = [...new Set(own.map(({ role }) => role))];
    return [...new Set(own.map(({ fault }) => fault))].map((fault, i) => {
      const fitting = own.filter((step) => step.fault === fault);
      const onRole = fitting.filter(({ role }) => role === roles[i % roles.length]);
      const choice = onRole.length > 0 ? onRole : fitting;
      // Of a file that is made beside and renamed, the end: what fails there must keep it from being renamed.
      return choice[choice[0]!.role.includes(".new") ? choice.length - 1 : Math.floor(choice.length / 2)]!;
    });
  });
}

/** Runs all steps, `lanes` at a time. @throws AggregateError in the end, with every step that does not hold */
export async function runSteps(
  preparation: Preparation,
  steps: readonly Step[],
  options: { readonly lanes: number; readonly onDone: (step: Step, outcome: Outcome | "failed") => void },
): Promise<void> {
  const waiting = [...steps];
  const failures: Error[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      let outcome: Outcome | "failed" = "failed";
      try {
        outcome = await runStep(preparation, step);
      } catch (cause) {
        const { name, nth, role, fault, scenario } = step;
        failures.push(new Error(`${name} ${nth} (${role}), ${fault}, in "${scenario.name}": ${cause}`, { cause }));
      }
      options.onDone(step, outcome);
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, lane));
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      [`${failures.length} of ${steps.length} faults:`, ...failures.map(({ message }) => message)].join("\n"),
    );
}

/**
 * A run may have fewer calls than the one that was listed (a page more or less), and where the machine is slow one may seem
 * over, and be killed, before it is: such a run is made again.
 */
async function runStep(preparation: Preparation, step: Step): Promise<Outcome> {
  const wanted = step.fault === "killed before" ? "kill" : step.fault === "killed after" ? "delay" : "error";
  for (let attempt = 1; ; attempt++) {
    const { calls, outcome } = await Trial.run(preparation, step.scenario, step);
    const own = calls.filter(({ name }) => name === step.name);
    // Where the process is killed at a run's end, the call it is in then looks like one that was to be killed.
    const call = own[step.nth - 1];
    if (call?.fault === wanted) {
      assert.ok(
        wanted === "error" ? outcome !== "was killed" : outcome === "was killed",
        `${call.line}: the process ${outcome}`,
      );
      return outcome;
    }
    assert.ok(
      attempt < attempts,
      `the fault was never put in: ${own.length} calls, of all those with a fault ${JSON.stringify(calls.filter(({ fault }) => fault !== undefined).map(({ name, fault }) => `${name} ${fault}`))}`,
    );
  }
}

/** What was done, as lines: a line a kind of call, with the faults put into it and what the process did. */
export class Summary {
  readonly #calls = new Map<string, number>();
  readonly #faults = new Map<string, Map<Fault, number>>();
  readonly #outcomes = new Map<string, Map<string, number>>();

  constructor(listed: ReadonlyMap<Scenario, readonly Call[]>) {
    for (const calls of listed.values())
      for (const call of calls) if (faultsOf(call).length > 0) add(this.#calls, call.name);
  }

  done({ name, fault }: Step, outcome: string): void {
    add(within(this.#faults, name), fault);
    add(within(this.#outcomes, name), outcome);
  }

  get calls(): number {
    return sum(this.#calls);
  }

  get faults(): number {
    return [...this.#faults.values()].reduce((all, counts) => all + sum(counts), 0);
  }

  lines(): readonly string[] {
    const faults = (name: string): string =>
      [...within(this.#faults, name)].map(([fault, count]) => `${count} ${fault}`).join(", ");
    const outcomes = (name: string): string =>
      [...within(this.#outcomes, name)].map(([outcome, count]) => `${outcome} ${count}`).join(", ");
    return [...this.#calls].map(
      ([name, count]) =>
        `${name.padEnd(10)}${String(count).padStart(4)} calls: ${faults(name)}; the process ${outcomes(name)}`,
    );
  }
}

function within<K, V>(outer: Map<string, Map<K, V>>, name: string): Map<K, V> {
  const inner = outer.get(name) ?? new Map<K, V>();
  outer.set(name, inner);
  return inner;
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}
