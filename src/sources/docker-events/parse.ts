// One event of the Docker Engine, as `GET /events` and `docker events --format json` write it, to its facts. All versions of
// the API: since 1.22 with Type, Action and Actor, beside which status, id and from stood until 1.51; before, these alone.
import { epochMillis, type Members, membersOf, readObject, scalarOf, textOf } from "../json-record.ts";

export interface DockerEvent {
  readonly time: number;
  /** "container", "image", "network" and what else there is. */
  readonly type: string;
  /** What goes before the colon of an action: "exec_create", "attach", "health_status". */
  readonly action: string;
  /** What follows it, as it is there: of an exec its command, arguments joined by spaces. */
  readonly argument: string | undefined;
  readonly container: string;
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly execId: string | undefined;
  readonly exitCode: string | undefined;
  /** The container's own labels. */
  readonly labels: readonly (readonly [string, string])[];
}

/** What the Engine puts among the attributes beside the container's labels. */
export const notLabels: ReadonlySet<string> = new Set([
  "image",
  "name",
  "execID",
  "exitCode",
  "execDuration",
  "signal",
  "oldName",
  "container",
  "imageID",
]);

/** @returns a sentence's end after "not parsed: " where it is none */
export function parseDockerEvent(text: string): DockerEvent | string {
  const record = readObject(text);
  if (typeof record === "string") return record;
  const actor = membersOf(record.Actor);
  const whole = textOf(record.Action) ?? textOf(record.status);
  if (whole === undefined) return "the event has neither Action nor status";
  const container = textOf(actor.ID) ?? textOf(record.id);
  const time = timeOf(record);
  if (time === undefined) return "the event has no time";
  // Events of images, networks and volumes were told without a type only by their status.
  const type = textOf(record.Type) ?? "container";
  if (type === "container" && container === undefined) return "the event names no container";
  const attributes = membersOf(actor.Attributes);
  const colon = whole.indexOf(":");
  return {
    time,
    type,
    action: colon === -1 ? whole : whole.slice(0, colon),
    argument: colon === -1 ? undefined : whole.slice(colon + 1).replace(/^ /, ""),
    container: container ?? "",
    name: textOf(attributes.name),
    image: textOf(attributes.image) ?? textOf(record.from),
    execId: textOf(attributes.execID),
    exitCode: scalarOf(attributes.exitCode),
    labels: Object.entries(attributes).flatMap(([key, value]) => {
      const label = notLabels.has(key) ? undefined : textOf(value);
      return label === undefined ? [] : [[key.toWellFormed(), label] as const];
    }),
  };
}

/** Nanoseconds are above 2^53; seconds are what the oldest versions have. */
function timeOf(record: Members): number | undefined {
  return epochMillis(record.timeNano, 9) ?? epochMillis(record.time, 0);
}

export interface HealthCheck {
  readonly command: string;
  readonly container: string;
  readonly image: string;
}

/** Whether an exec is one of these; "*" in a pattern is any text. */
export function isHealthCheck({ argument, name, image }: DockerEvent, checks: readonly HealthCheck[]): boolean {
  return checks.some(
    (check) =>
      fits(argument ?? "", check.command) && fits(name ?? "", check.container) && fits(image ?? "", check.image),
  );
}

/** Linear in the text, whatever the pattern. */
function fits(text: string, pattern: string): boolean {
  const parts = pattern.split("*");
  const first = parts.shift()!;
  const last = parts.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
