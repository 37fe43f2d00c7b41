// The service's OpenAPI document as the explorer reads it: its operations by group, schemas with their references followed,
// what a schema's type is called, and an example that fits it. Pure.

/** As much of a JSON Schema as the document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

export interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly summary?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Operation extends Described {
  readonly method: Method;
  readonly path: string;
  readonly group: Group;
}

export const groups = ["events", "numbers", "proof", "collecting", "access", "databases", "service", "other"] as const;
export type Group = (typeof groups)[number];

/** By the first member of the path below /api/v1. */
const groupOfPart: Readonly<Record<string, Group>> = {
  events: "events",
  tail: "events",
  export: "events",
  searches: "events",
  stats: "numbers",
  story: "numbers",
  log: "proof",
  agents: "collecting",
  session: "access",
  tokens: "access",
  accounts: "access",
  keys: "access",
  users: "access",
  projects: "databases",
  instances: "databases",
  status: "service",
  whoami: "service",
};

function groupOf(path: string): Group {
  if (path.endsWith("/proof")) return "proof";
  return groupOfPart[path.split("/")[3] ?? ""] ?? "other";
}

export function operationsOf(document: Document): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      method: method.toUpperCase() as Method,
      path,
      group: groupOf(path),
    })),
  );
}

/** Whether every word occurs in what the operation is called or does. */
export function isAbout({ method, path, operationId, summary, description = "" }: Operation, text: string): boolean {
  const all = `${method} ${path} ${operationId} ${summary} ${description}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** The schema itself, and what it is called where it was referred to. */
export function follow(document: Document, schema: Schema): { readonly schema: Schema; readonly name?: string } {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  const found = name === undefined ? undefined : document.components.schemas[name];
  if (name === undefined || found === undefined) return { schema };
  const { $ref: _, ...beside } = schema;
  return { schema: { ...found, ...beside }, name };
}

/** Texts of a schema that lists its values, whichever way it does. */
export function valuesOf(schema: Schema): readonly string[] | undefined {
  if (schema.enum !== undefined) return schema.enum.map(String);
  if (schema.const !== undefined) return [String(schema.const)];
  const { anyOf } = schema;
  if (anyOf === undefined || !anyOf.every((one) => one.const !== undefined)) return undefined;
  return anyOf.map((one) => String(one.const));
}

/** "string", "integer", "array of Account", "string or null" */
export function typeOf(document: Document, given: Schema): string {
  const { schema, name } = follow(document, given);
  if (name !== undefined) return name;
  if (schema.type === "array" && schema.items !== undefined) return `array of ${typeOf(document, schema.items)}`;
  if (valuesOf(schema) !== undefined) return "string";
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeOf(document, one)).join(" or ");
  return schema.type ?? "any";
}

/** "1 to 256 characters", "at least 1" and the like; undefined where anything goes. */
export function limitsOf(schema: Schema): string | undefined {
  const span = (least: number | undefined, most: number | undefined): string | undefined => {
    if (least === undefined && most === undefined) return undefined;
    if (most === undefined) return `≥ ${least}`;
    return least === undefined ? `≤ ${most}` : `${least}–${most}`;
  };
  const limits = [
    schema.format,
    schema.pattern,
    span(schema.minimum, schema.maximum),
    span(schema.minLength, schema.maxLength),
    span(schema.minItems, schema.maxItems),
  ].filter((limit) => limit !== undefined);
  return limits.length === 0 ? undefined : limits.join(", ");
}

/** Something the service would take: what must be there, and what has an example of its own. */
export function exampleOf(document: Document, given: Schema, depth = 0): unknown {
  const { schema } = follow(document, given);
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return exampleOf(document, schema.anyOf[0], depth);
  if (schema.type === "array")
    return depth > 6 || schema.items === undefined ? [] : [exampleOf(document, schema.items, depth + 1)];
  if (schema.type === "object" || schema.properties !== undefined) {
    const { properties = {}, required = [] } = schema;
    const told = Object.entries(properties).filter(
      ([name, one]) => required.includes(name) || one.examples !== undefined || depth === 0,
    );
    return Object.fromEntries(told.map(([name, one]) => [name, exampleOf(document, one, depth + 1)]));
  }
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 0;
  if (schema.type === "boolean") return false;
  if (schema.type === "null") return null;
  if (schema.format === "date-time") return "2024-09-29T11:38:34Z";
  return "";
}
