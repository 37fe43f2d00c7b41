// A stream: all events of one account that agree in kind, resource, type, risk and project. The index keeps sorted
// lists per stream; its key is text, so that streams of one resource stand side by side.
import type { Event, Kind, Risk } from "./event.ts";
import { trailTerms } from "./trail-event.ts";

export interface Stream {
  readonly resourceId: string;
  readonly resourceType: string;
  /** "" where the event named no project. */
  readonly project: string;
  readonly kind: Kind;
  readonly type: string;
  readonly risk: Risk;
}

/** Separates the parts of a key; sorts before every character a part may hold after escaping. */
export const separator = "\u0001";

/** A part of a key with NUL, the separator and the escape character written as two characters each. */
export function escapePart(part: string): string {
  return /[\0\u0001\u0002]/.test(part)
    ? part.replaceAll("\u0002", "\u0002b").replaceAll("\u0001", "\u0002a").replaceAll("\0", "\u0002c")
    : part;
}

export function unescapePart(part: string): string {
  return part.includes("\u0002")
    ? part.replaceAll("\u0002c", "\0").replaceAll("\u0002a", "\u0001").replaceAll("\u0002b", "\u0002")
    : part;
}

/** The key of an event's stream within its account: resource id, resource type, project, kind, type, risk. */
export function streamKey(event: Event): string {
  if (event.kind === "security") {
    const { resource } = event;
    return key(resource.id, resource.type, resource.project ?? "", event.kind, event.type, event.risk);
  }
  if (event.kind === "trail") return key("", "", "", event.kind, event.type, "Info");
  if (event.kind === "database") return key(event.instance, "instance", "", event.kind, event.name, "Info");
  return key(event.resource.id, event.resource.type, event.resource.project ?? "", event.kind, event.type, "Info");
}

function key(id: string, resourceType: string, project: string, kind: Kind, type: string, risk: Risk): string {
  return (
    escapePart(id) +
    separator +
    escapePart(resourceType) +
    separator +
    escapePart(project) +
    separator +
    kind +
    separator +
    escapePart(type) +
    separator +
    risk
  );
}

export function parseStreamKey(key: string): Stream {
  const [resourceId = "", resourceType = "", project = "", kind = "", type = "", risk = ""] = key.split(separator);
  return {
    resourceId: unescapePart(resourceId),
    resourceType: unescapePart(resourceType),
    project: unescapePart(project),
    kind: kind as Kind,
    type: unescapePart(type),
    risk: risk as Risk,
  };
}

/** What an event has in common with others of any kind. */
export function streamOf(event: Event): Stream {
  return parseStreamKey(streamKey(event));
}

/**
 * What the index needs of consecutive entries: entry i happened at times[i] and belongs to the stream keys[i]. Where the
 * key is empty the entry is past its retention: it is counted as covered and nowhere else.
 */
export interface FactBatch {
  readonly times: Float64Array;
  readonly keys: readonly string[];
  /** What entry i can be looked up by (event/trail-event.ts); absent where no entry of the batch has any. */
  readonly terms?: readonly (readonly string[])[];
}

/** Facts of events as they come by, for those who do not keep the events. */
export class FactList {
  readonly #times: number[] = [];
  readonly #keys: string[] = [];
  #terms: (readonly string[])[] | undefined;

  get length(): number {
    return this.#keys.length;
  }

  /** @param event undefined where it is past its retention */
  add(event: Event | undefined): void {
    if (event?.kind === "trail") this.#terms ??= this.#keys.map(() => []);
    this.#terms?.push(event?.kind === "trail" ? trailTerms(event) : []);
    this.#times.push(event?.time ?? 0);
    this.#keys.push(event === undefined ? "" : streamKey(event));
  }

  finish(): FactBatch {
    const facts = { times: Float64Array.from(this.#times), keys: this.#keys };
    return this.#terms === undefined ? facts : { ...facts, terms: this.#terms };
  }
}

/** The facts of the entries at these places. */
export function selectFacts({ times, keys, terms }: FactBatch, places: Uint32Array): FactBatch {
  const selected = { times: Float64Array.from(places, (i) => times[i]!), keys: Array.from(places, (i) => keys[i]!) };
  return terms === undefined ? selected : { ...selected, terms: Array.from(places, (i) => terms[i]!) };
}

export function factsOf(events: readonly (Event | undefined)[]): FactBatch {
  const facts = new FactList();
  for (const event of events) facts.add(event);
  return facts.finish();
}
