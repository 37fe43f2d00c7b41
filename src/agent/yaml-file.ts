// A configuration file: YAML, or JSON, held to a schema. A mistake is told with its line and the member it is in.
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Value } from "typebox/value";
import { isNode, LineCounter, parseDocument } from "yaml";
import { TaishiError } from "../errors.ts";

type Problem = {
  readonly instancePath: string;
  readonly message: string;
  readonly keyword: string;
  readonly params?: object;
};

/** Aliases could make a small file a huge object. */
function plainValue(document: ReturnType<typeof parseDocument>, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new TaishiError("invalid-parameter", `${name}: ${cause.message}`, { field: name, cause });
  }
}

/**
 * @param name what the text is called in an error
 * @returns what the text says, with the schema's defaults
 * @throws TaishiError invalid-parameter
 */
export function readYaml<Schema extends TSchema>(text: string, schema: Schema, name: string): Static<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, version: "1.2" });
  const wrong = document.errors[0];
  if (wrong !== undefined) {
    const place = wrong.linePos === undefined ? name : `${name}, line ${wrong.linePos[0].line}`;
    throw new TaishiError("invalid-parameter", `${place}: ${wrong.message.split("\n", 1)[0]}`, { field: name });
  }
  const value: unknown = plainValue(document, name) ?? {};
  const complete: unknown = Value.Default(schema, value);
  const compiled = Compile(schema);
  if (compiled.Check(complete)) return complete as Static<Schema>;
  const problems = compiled.Errors(complete) as Problem[];
  // The deepest is the most telling one: those above are "one of these must match".
  const worst = problems.reduce((best, problem) =>
    problem.instancePath.split("/").length > best.instancePath.split("/").length ? problem : best,
  );
  const path = worst.instancePath.split("/").slice(1);
  const required = (worst.params as { requiredProperties?: readonly string[] } | undefined)?.requiredProperties?.[0];
  const choices = (worst.params as { allowedValues?: readonly unknown[] } | undefined)?.allowedValues;
  const why =
    required !== undefined
      ? `${required} is required`
      : choices !== undefined
        ? `must be one of ${choices.join(", ")}`
        : worst.keyword === "boolean" || worst.keyword === "additionalProperties"
          ? "is not a known member"
          : worst.message;
  const node = document.getIn(path, true);
  const line = isNode(node) && node.range ? `, line ${lines.linePos(node.range[0]).line}` : "";
  throw new TaishiError("invalid-parameter", `${name}${line}: ${[path.join("."), why].filter(Boolean).join(": ")}`, {
    field: path.join("."),
  });
}
