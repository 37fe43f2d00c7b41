// Small JSON bodies of the own API: one object, checked by a closed schema, refused in words that name the member. Never
// repeats what was sent, for it may be a password. RFC 8259.
import { isUtf8 } from "node:buffer";
import type { Static, TSchema } from "typebox";
import type { Validator } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { maxDepth, nestsDeeperThan } from "../event/canonical.ts";
import type { Call } from "./route.ts";

/** Bytes of such a body as sent. */
export const jsonBodyBytes = 16 * 1024;

/** @throws TaishiError unsupported-media-type where the headers announce anything but plain UTF-8 JSON */
export function requireJson(headers: Call["headers"]): void {
  const [name, ...parameters] = (headers["content-type"] ?? "").split(";").map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (name !== "application/json" || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)))
    throw new TaishiError("unsupported-media-type", "Content-Type must be application/json, in UTF-8", {
      field: "Content-Type",
    });
  if (!/^\s*(?:identity\s*)?$/i.test(headers["content-encoding"] ?? ""))
    throw new TaishiError("unsupported-media-type", "the body must be sent without compression", {
      field: "Content-Encoding",
    });
}

/**
 * The object that a call's body holds. Of a repeated member the last one counts.
 * @throws TaishiError malformed-body; missing-parameter, invalid-parameter (field)
 */
export async function readJson<S extends TSchema>(
  call: Pick<Call, "body">,
  shape: Validator<Record<never, never>, S>,
): Promise<Static<S>> {
  const value = parse(await call.body());
  if (!shape.Check(value)) throw shapeRefusal(shape.Errors(value) as readonly ShapeError[]);
  return value as Static<S>;
}

function parse(body: Buffer): unknown {
  if (!isUtf8(body)) throw new TaishiError("malformed-body", "the body is not valid UTF-8");
  const text = body.toString("utf8").replace(/^\ufeff/, "");
  if (text.trim() === "") throw new TaishiError("malformed-body", "the body is empty");
  if (nestsDeeperThan(body, maxDepth))
    throw new TaishiError("malformed-body", `the body is nested deeper than ${maxDepth}`);
  try {
    return JSON.parse(text);
  } catch {
    // The engine's message quotes the text, which is not ours to repeat.
    throw new TaishiError("malformed-body", "the body is not JSON");
  }
}

interface ShapeError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly requiredProperties?: readonly string[];
    readonly additionalProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
  };
}

/** What is not known is told before what is missing: the one is most often the other, misspelled. */
function shapeRefusal(errors: readonly ShapeError[]): TaishiError {
  const unknown = errors.find(({ params }) => params.additionalProperties !== undefined);
  if (unknown !== undefined) {
    const field = shown(unknown.params.additionalProperties?.[0] ?? "body");
    return new TaishiError("invalid-parameter", `${field}: is not a known member`, { field });
  }
  const missing = errors.find(({ params }) => params.requiredProperties !== undefined);
  if (missing !== undefined) {
    const field = missing.params.requiredProperties?.[0] ?? "body";
    return new TaishiError("missing-parameter", `${field}: is required`, { field });
  }
  const [first] = errors;
  const field = first === undefined || first.instancePath === "" ? "body" : first.instancePath.slice(1);
  const allowed = first?.params.allowedValues;
  const why = allowed === undefined ? (first?.message ?? "is invalid") : `must be one of ${allowed.join(", ")}`;
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}

/** A name that the caller made up, no longer than a message needs it. */
function shown(name: string): string {
  return name.slice(0, 64).toWellFormed();
}
