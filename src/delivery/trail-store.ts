// The configurations of trails. They are system entries of the account's log (I4): this file appends them and makes the
// present state of them; nothing else is kept. One change at a time per account, so that limits hold under concurrency.
import type { Clock } from "../clock.ts";
import { TaishiError } from "../errors.ts";
import type { SystemEvent } from "../event/event.ts";
import { listFitting, type NumberedEntry, type Queries } from "../query/query.ts";
import type { DeliveryStates } from "./delivery-state.ts";
import { mostTrails, type Trail, TrailQuotaError, type TrailSettings, type Trails } from "./port.ts";

/** Resolves when the event is fsynced in the account's log (I1). */
export type AppendSystem = (account: string, event: SystemEvent) => Promise<void>;

/** Numbers of entries between which a trail logs: both are those of the entries that say so. */
export interface Span {
  readonly started: number;
  readonly stopped?: number;
}

/** A trail as its entries tell it. */
export interface StoredTrail extends Omit<Trail, "delivery"> {
  /** The number of the entry that created it. */
  readonly id: number;
  readonly spans: readonly Span[];
}

const types = ["TrailSet", "TrailDeleted", "LoggingStarted", "LoggingStopped"] as const;
type Type = (typeof types)[number];
const resourceType = "trail";
const pageLimit = 1000;

export interface TrailStoreOptions {
  readonly queries: Pick<Queries, "list">;
  readonly appendSystem: AppendSystem;
  readonly states: DeliveryStates;
  readonly clock: Clock;
}

export class TrailStore implements Trails {
  readonly #options: TrailStoreOptions;
  readonly #loaded = new Map<string, Promise<ReadonlyMap<string, StoredTrail>>>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: TrailStoreOptions) {
    this.#options = options;
  }

  async list(account: string): Promise<readonly Trail[]> {
    return (await this.stored(account)).map((trail) => this.#shown(account, trail));
  }

  /** By name; what the exporter works from. */
  async stored(account: string): Promise<readonly StoredTrail[]> {
    const trails = await this.#load(account);
    return [...trails.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  create(account: string, settings: TrailSettings): Promise<Trail> {
    return this.#change(account, async (trails) => {
      if (trails.has(settings.name)) throw new TaishiError("already-exists", undefined, { subject: settings.name });
      if (trails.size >= mostTrails) throw new TrailQuotaError();
      return this.#append(account, settings.name, "TrailSet", settingsData(settings));
    });
  }

  update(account: string, name: string, change: (before: TrailSettings) => TrailSettings): Promise<Trail> {
    return this.#change(account, async (trails) => {
      const settings = { ...change(known(trails, name)), name };
      return this.#append(account, name, "TrailSet", settingsData(settings));
    });
  }

  async remove(account: string, name: string): Promise<void> {
    await this.#turn(account, async () => {
      known(await this.#load(account), name);
      await this.#record(account, name, "TrailDeleted", {});
    });
  }

  setLogging(account: string, name: string, logging: boolean): Promise<Trail> {
    return this.#change(account, async (trails) => {
      const trail = known(trails, name);
      if (trail.logging === logging) return this.#shown(account, trail);
      return this.#append(account, name, logging ? "LoggingStarted" : "LoggingStopped", {});
    });
  }

  #shown(account: string, { id, spans: _, ...trail }: StoredTrail): Trail {
    const { delivered, error } = this.#options.states.read(account, id);
    return {
      ...trail,
      delivery: { ...(delivered !== undefined && { delivered }), ...(error !== undefined && { error }) },
    };
  }

  async #append(account: string, name: string, type: Type, data: SystemEvent["data"]): Promise<Trail> {
    await this.#record(account, name, type, data);
    // An acknowledged append is in the very next query (I6).
    return this.#shown(account, known(await this.#load(account), name));
  }

  async #record(account: string, name: string, type: Type, data: SystemEvent["data"]): Promise<void> {
    const time = this.#options.clock.now();
    try {
      await this.#options.appendSystem(account, {
        data,
        kind: "system",
        resource: { id: name, type: resourceType },
        time,
        type,
      });
    } finally {
      // Also after a failure: whether it was written is then not known.
      this.#loaded.delete(account);
    }
  }

  #change(account: string, work: (trails: ReadonlyMap<string, StoredTrail>) => Promise<Trail>): Promise<Trail> {
    return this.#turn(account, async () => work(await this.#load(account)));
  }

  #turn<T>(account: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(account) ?? Promise.resolve();
    const turn = before.then(work, work);
    const quiet = turn
      .catch(() => {})
      .then(() => {
        if (this.#turns.get(account) === quiet) this.#turns.delete(account);
      });
    this.#turns.set(account, quiet);
    return turn;
  }

  #load(account: string): Promise<ReadonlyMap<string, StoredTrail>> {
    const loaded = this.#loaded.get(account);
    if (loaded !== undefined) return loaded;
    const loading = this.#read(account);
    this.#loaded.set(account, loading);
    loading.catch(() => {
      if (this.#loaded.get(account) === loading) this.#loaded.delete(account);
    });
    return loading;
  }

  async #read(account: string): Promise<ReadonlyMap<string, StoredTrail>> {
    const entries: NumberedEntry[] = [];
    const filter = { account, kinds: ["system"], types, resourceType } as const;
    for (;;) {
      const last = entries.at(-1);
      const window =
        last === undefined
          ? { offset: 0, limit: pageLimit }
          : { after: { time: last.event.time, seq: last.seq }, limit: pageLimit };
      const page = await listFitting(this.#options.queries, { filter, order: "asc", window });
      entries.push(...page.entries);
      if (page.entries.length < pageLimit && !page.cut) break;
    }
    const trails = new Map<string, StoredTrail>();
    // What was said last holds, whatever the clock said meanwhile.
    for (const { seq, event } of entries.sort((a, b) => a.seq - b.seq))
      if (event.kind === "system") apply(trails, seq, event);
    return trails;
  }
}

function apply(trails: Map<string, StoredTrail>, seq: number, event: SystemEvent): void {
  const { time } = event;
  const name = event.resource.id;
  const trail = trails.get(name);
  switch (event.type as Type) {
    case "TrailSet": {
      const settings = event.data as unknown as Omit<TrailSettings, "name">;
      const before = trail ?? { id: seq, created: time, logging: false, spans: [] };
      trails.set(name, { ...before, ...settings, name, updated: time });
      return;
    }
    case "TrailDeleted":
      trails.delete(name);
      return;
    case "LoggingStarted":
      if (trail === undefined || trail.logging) return;
      trails.set(name, { ...trail, logging: true, loggingStarted: time, spans: [...trail.spans, { started: seq }] });
      return;
    case "LoggingStopped": {
      const open = trail?.spans.at(-1);
      if (trail === undefined || open === undefined || !trail.logging) return;
      const spans = [...trail.spans.slice(0, -1), { ...open, stopped: seq }];
      trails.set(name, { ...trail, logging: false, loggingStopped: time, spans });
    }
  }
}

function known(trails: ReadonlyMap<string, StoredTrail>, name: string): StoredTrail {
  const trail = trails.get(name);
  if (trail === undefined) throw new TaishiError("not-found", undefined, { subject: name });
  return trail;
}

function settingsData({ scope, sources, bucket, prefix, labels }: TrailSettings): SystemEvent["data"] {
  return { bucket, labels, prefix, scope, sources };
}
