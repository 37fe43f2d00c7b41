// What the index contract plays: random histories of events, late ones and masses of one time among them, and the plain
// array that knows the right answers. Owns no engine. Values are chosen to be prefixes of each other, to hold separators and
// escapes, and to be of every frequency.
import fc from "fast-check";
import { type Event, type Kind, kinds, type Risk, risks, type SecurityEvent, type TrailEvent } from "../event/event.ts";
import { streamOf } from "../event/stream.ts";
import { trailTerms } from "../event/trail-event.ts";
import type { Filter, Lookup, Order, Position, Window } from "./port.ts";

export const accounts = ["2100000001", "21", "3"];
// Prefixes of each other, separators and escapes of the key, and characters that UTF-8 and UTF-16 put in different order.
const ids = ["a", "a\u0001", "a\u0002", "a\u0002a", "a\0", "ab", "\u{1f600}", "\uffee", "\ue000x", "é\u0001\u0001b"];
const resourceTypes = ["endpoint", "end", "e\u0001"];
const eventTypes = ["SshLogin", "Ssh", "\u{1f600}\u0002"];
const projects = [undefined, "p", "p\u0001"];

export interface Fact {
  readonly account: string;
  readonly seq: number;
  readonly event: Event;
}

/** The same answers from an array. */
export class PlainArray {
  facts: Fact[] = [];
  /** By account: below are forgotten, all but those of kind system. */
  readonly minimums = new Map<string, number>();

  isForgotten({ account, seq, event }: Fact): boolean {
    return seq < (this.minimums.get(account) ?? 0) && event.kind !== "system";
  }

  size(account: string): number {
    return this.facts.filter((fact) => fact.account === account).length;
  }

  matches(filter: Filter, order: Order): Position[] {
    const found = this.facts.filter((fact) => {
      const { account, event } = fact;
      if (account !== filter.account || this.isForgotten(fact)) return false;
      const { kind, type, risk, resourceType, resourceId, project } = streamOf(event);
      return (
        (filter.kinds === undefined || filter.kinds.includes(kind)) &&
        (filter.types === undefined || filter.types.includes(type)) &&
        (filter.risks === undefined || filter.risks.includes(risk)) &&
        (filter.resourceType === undefined || filter.resourceType === resourceType) &&
        (filter.resourceId === undefined || filter.resourceId === resourceId) &&
        (filter.project === undefined || filter.project === project) &&
        (filter.from === undefined || event.time >= filter.from) &&
        (filter.to === undefined || event.time < filter.to)
      );
    });
    return this.#ordered(found, order);
  }

  /** What a lookup finds after a position, without a limit. */
  having({ account, terms, from, to, below, atLeast }: Lookup, order: Order, after: Position | undefined): Position[] {
    const found = this.facts.filter(
      ({ account: own, seq, event }) =>
        own === account &&
        terms.every((wanted) => termsOf(event).includes(wanted)) &&
        (from === undefined || event.time >= from) &&
        (to === undefined || event.time < to) &&
        (below === undefined || seq < below) &&
        (atLeast === undefined || seq >= atLeast),
    );
    return this.#ordered(found, order).filter((position) => after === undefined || isAfter(position, after, order));
  }

  #ordered(found: readonly Fact[], order: Order): Position[] {
    const positions = found.map(({ seq, event }) => ({ time: event.time, seq }));
    positions.sort((a, b) => a.time - b.time || a.seq - b.seq);
    return order === "asc" ? positions : positions.reverse();
  }

  page(filter: Filter, order: Order, window: Window): Position[] {
    const all = this.matches(filter, order);
    if ("offset" in window) return all.slice(window.offset, window.offset + window.limit);
    return all.filter((position) => isAfter(position, window.after, order)).slice(0, window.limit);
  }
}

export function isAfter(position: Position, other: Position, order: Order): boolean {
  return (order === "asc" ? 1 : -1) * (position.time - other.time || position.seq - other.seq) > 0;
}

export function termsOf(event: Event): readonly string[] {
  return event.kind === "trail" ? trailTerms(event) : [];
}

export function eventAt(time: number, members: Partial<Omit<SecurityEvent, "time" | "kind">> = {}): SecurityEvent {
  return {
    contents: [],
    kind: "security",
    resource: { id: "a", type: "endpoint" },
    risk: "Info",
    time,
    type: "SshLogin",
    ...members,
  };
}

export function trailAt(time: number, members: Partial<Omit<TrailEvent, "time" | "kind">> = {}): TrailEvent {
  return { kind: "trail", source: "iam", time, type: "GetUser", ...members };
}

const times = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_020 }),
  fc.integer({ min: 0, max: 253_402_300_799_999 }),
);

const aSecurityEvent: fc.Arbitrary<Event> = fc
  .record({
    time: times,
    id: fc.constantFrom(...ids),
    resourceType: fc.constantFrom(...resourceTypes),
    project: fc.constantFrom(...projects),
    type: fc.constantFrom(...eventTypes),
    risk: fc.constantFrom(...risks),
  })
  .map(({ time, id, resourceType, project, type, risk }) =>
    eventAt(time, {
      type,
      risk,
      resource: project === undefined ? { id, type: resourceType } : { id, project, type: resourceType },
    }),
  );

export const sources = ["iam", "ark", "kms"];
export const users = Array.from({ length: 12 }, (_, i) => `user-${i}`);

// Terms of every frequency: a request id is of one event or of few, a user of some, a source of a third.
const aTrailEvent: fc.Arbitrary<Event> = fc
  .record(
    {
      time: times,
      type: fc.constantFrom(...eventTypes),
      source: fc.constantFrom(...sources),
      requestId: fc.oneof(fc.uuid(), fc.constantFrom("r1", "r2")),
      userName: fc.constantFrom(...users),
      readOnly: fc.boolean(),
      resources: fc.array(fc.record({ id: fc.constantFrom(...ids), type: fc.constantFrom(...resourceTypes) }), {
        maxLength: 3,
      }),
    },
    { requiredKeys: ["time", "type", "source"] },
  )
  .map(({ time, ...members }) => trailAt(time, members));

const anotherEvent: fc.Arbitrary<Event> = fc
  .record({ time: times, id: fc.constantFrom(...ids), name: fc.constantFrom(...eventTypes), database: fc.boolean() })
  .map(({ time, id, name, database }) =>
    database
      ? { kind: "database", instance: id, name, time }
      : { data: {}, kind: "system", resource: { id, type: "end" }, time, type: name },
  );

const anEvent = fc.oneof(
  { weight: 3, arbitrary: aSecurityEvent },
  { weight: 2, arbitrary: aTrailEvent },
  { weight: 1, arbitrary: anotherEvent },
);

/** Many events of few streams and terms, so that lists have several blocks; steps of 0 make masses of one time. */
const aMass: fc.Arbitrary<Event[]> = fc
  .record({
    template: fc.oneof(aSecurityEvent, aTrailEvent),
    count: fc.integer({ min: 300, max: 1500 }),
    step: fc.constantFrom(0, 1, 37, 1_000_000),
    spread: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ template, count, step, spread }) =>
    Array.from({ length: count }, (_, i): Event => {
      // Every seventh is late.
      const wanted = template.time + i * step - (i % 7 === 0 ? step * 50 : 0);
      const time = Math.max(0, Math.min(253_402_300_799_999, wanted));
      if (template.kind !== "trail") return { ...template, time, risk: risks[i % spread] } as Event;
      const { requestId = "r" } = template;
      return { ...template, time, source: sources[i % spread]!, requestId: `${requestId}${i >> (spread - 1)}` };
    }),
  );

const aFilter: fc.Arbitrary<Filter> = fc
  .record(
    {
      account: fc.constantFrom(...accounts),
      kinds: fc.subarray<Kind>([...kinds]),
      types: fc.subarray(eventTypes),
      risks: fc.subarray<Risk>([...risks]),
      resourceType: fc.constantFrom(...resourceTypes, "none"),
      resourceId: fc.constantFrom(...ids, "none"),
      project: fc.constantFrom("", "p", "p\u0001"),
      from: times,
      to: times,
    },
    { requiredKeys: ["account"] },
  )
  .map(({ project, ...filter }) =>
    project === undefined || filter.resourceId === undefined ? filter : { ...filter, project },
  );

export type Step =
  | { readonly what: "add"; readonly account: string; readonly events: readonly Event[] }
  | {
      readonly what: "find";
      readonly filter: Filter;
      readonly order: Order;
      readonly place: number;
      readonly limit: number;
      readonly after: boolean;
    }
  | {
      readonly what: "lookup";
      readonly account: string;
      /** Which event's terms, which of these, and where to begin: all as parts of what there is. */
      readonly places: readonly [number, number, number];
      readonly terms: readonly number[];
      readonly bounds: Pick<Lookup, "from" | "to">;
      readonly order: Order;
      readonly limit: number;
      readonly below: boolean;
      readonly after: boolean;
    }
  | { readonly what: "forget"; readonly account: string; readonly place: number }
  | { readonly what: "reopen" }
  | { readonly what: "clear" };

const aPlace = fc.double({ min: 0, max: 1, noNaN: true });

export const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      what: fc.constant("add" as const),
      account: fc.constantFrom(...accounts),
      events: fc.oneof({ weight: 5, arbitrary: fc.array(anEvent, { maxLength: 60 }) }, { weight: 1, arbitrary: aMass }),
    }),
  },
  {
    weight: 60,
    arbitrary: fc.record({
      what: fc.constant("find" as const),
      filter: aFilter,
      order: fc.constantFrom<Order[]>("asc", "desc"),
      place: fc.double({ min: 0, max: 1.2, noNaN: true }),
      limit: fc.integer({ min: 0, max: 40 }),
      after: fc.boolean(),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      what: fc.constant("lookup" as const),
      account: fc.constantFrom(...accounts),
      places: fc.tuple(aPlace, aPlace, aPlace),
      terms: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
      bounds: fc.record({ from: times, to: times }, { requiredKeys: [] }),
      order: fc.constantFrom<Order[]>("asc", "desc"),
      limit: fc.integer({ min: 1, max: 400 }),
      below: fc.boolean(),
      after: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant("forget" as const),
      account: fc.constantFrom(...accounts),
      place: aPlace,
    }),
  },
  { weight: 5, arbitrary: fc.record({ what: fc.constant("reopen" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("clear" as const) }) },
);
