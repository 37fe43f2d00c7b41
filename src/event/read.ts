// From what was sent to an Event, or a refusal that names the field. Pure. The schema decides the shape; this file
// decides what a shape cannot say: times, surrogates, the order of contents.
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import type { Content, Event, Resource } from "./event.ts";
import { EventInput } from "./schema.ts";
import { readTime } from "./time.ts";

const shape = Compile(EventInput);

/**
 * The event that one sent item describes. Members come out in canonical order, so that JSON.stringify of the result is
 * its RFC 8785 form.
 * @param index the item's position in its batch, named in refusals
 * @throws TaishiError invalid-parameter with `field` (dotted path) and `index`
 */
export function readEvent(input: unknown, index: number): Event {
  if (!shape.Check(input)) throw shapeRefusal(input, index);
  const refuse = (field: string, why: string): TaishiError =>
    new TaishiError("invalid-parameter", `events[${index}].${field}: ${why}`, { field, index });

  let time: number;
  try {
    time = readTime(input.time, "time");
  } catch (thrown) {
    if (!(thrown instanceof TaishiError)) throw thrown;
    throw new TaishiError("invalid-parameter", `events[${index}].${thrown.message}`, { field: "time", index });
  }
  const contents = readContents(input.contents, refuse);
  const { id, project, type } = input.resource;
  const resource: Resource = project === undefined ? { id, type } : { id, project, type };
  const risk = input.risk ?? "Info";
  const event: Event =
    input.detail === undefined
      ? { contents, kind: "security", resource, risk, time, type: input.type }
      : { contents, detail: input.detail, kind: "security", resource, risk, time, type: input.type };
  return event;
}

/**
 * Refuses an event that holds a lone surrogate, which JSON text can say and UTF-8 cannot. Asked only where the text of
 * the request holds the escape of one, because it looks at every string.
 */
export function refuseLoneSurrogates(event: Event, index: number): void {
  const look = (value: unknown, path: string): void => {
    if (typeof value === "string") {
      if (!value.isWellFormed())
        throw new TaishiError("invalid-parameter", `events[${index}].${path}: holds a lone surrogate`, {
          field: path,
          index,
        });
    } else if (typeof value === "object" && value !== null)
      for (const [key, item] of Object.entries(value)) {
        look(key, path);
        look(item, path === "" ? key : `${path}.${key}`);
      }
  };
  look(event, "");
}

function readContents(
  sent: EventInput["contents"],
  refuse: (field: string, why: string) => TaishiError,
): readonly Content[] {
  if (sent === undefined) return [];
  if (Array.isArray(sent)) return sent.map(({ key, value }) => ({ key, value }));
  const members = Object.entries(sent as Record<string, string>);
  if (members.length > 1000) throw refuse("contents", "has more than 1000 members");
  if (members.length > 1 && members.some(([key]) => /^(0|[1-9]\d*)$/.test(key)))
    throw refuse("contents", "use the array form for keys that are numbers, whose order an object does not keep");
  return members.map(([key, value]) => ({ key, value }));
}

function shapeRefusal(input: unknown, index: number): TaishiError {
  const errors = shape.Errors(input) as { instancePath: string; message: string; keyword: string }[];
  // The deepest path is the most telling one; "schema is false" marks a member that is not known.
  const worst = errors.reduce<(typeof errors)[number] | undefined>(
    (best, error) => (best === undefined || error.instancePath.length > best.instancePath.length ? error : best),
    undefined,
  );
  const missing = errors.find((error) => error.keyword === "required");
  const params = (missing as { params?: { requiredProperties?: string[] } } | undefined)?.params;
  const path = (worst?.instancePath ?? "").slice(1).replaceAll("/", ".");
  if (missing !== undefined && (path === "" || missing.instancePath === worst?.instancePath)) {
    const parent = missing.instancePath.slice(1).replaceAll("/", ".");
    const name = params?.requiredProperties?.[0] ?? "a member";
    const field = parent === "" ? name : `${parent}.${name}`;
    return new TaishiError("missing-parameter", `events[${index}].${field}: is required`, { field, index });
  }
  const why = worst?.keyword === "boolean" ? "is not a known member" : (worst?.message ?? "is invalid");
  const at = path === "" ? `events[${index}]` : `events[${index}].${path}`;
  return new TaishiError("invalid-parameter", `${at}: ${why}`, { field: path === "" ? "event" : path, index });
}
