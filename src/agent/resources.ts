// What an event happened to: labels to a resource, or for a database event to its instance, by the first mapping that fits.
// Pure. What fits none goes to the default, and is said not to be mapped where somebody may have forgotten it.
import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";
import { TaishiError } from "../errors.ts";
import type { Resource } from "../event/event.ts";
import { type Labels, labelNames } from "../event/labels.ts";
import { type Condition, type Path, readCondition } from "../rules/condition.ts";

const closed = { additionalProperties: false } as const;
const mappedKinds = ["security", "trail", "database", "unparsed"] as const;
type MappedKind = (typeof mappedKinds)[number];

const Mapping = Type.Object(
  {
    kinds: Type.Optional(
      Type.Array(Type.Union(mappedKinds.map((kind) => Type.Literal(kind))), {
        minItems: 1,
        description: "Of events that it is for; default all.",
      }),
    ),
    when: Type.Record(Type.String(), Type.Unknown(), {
      description: "Conditions on labels, as in rules; all must hold.",
      default: {},
    }),
    type: Type.Optional(Type.String({ minLength: 1, description: "Template of the resource's type." })),
    id: Type.String({ minLength: 1, description: "Template of the resource's or the instance's id." }),
    project: Type.Optional(Type.String({ minLength: 1, description: "Template of the project's name." })),
  },
  closed,
);

export const ResourceConfig = Type.Object(
  {
    default: Type.Optional(
      Type.Object(
        {
          type: Type.String({ minLength: 1, maxLength: 128 }),
          id: Type.String({ minLength: 1, maxLength: 256 }),
          project: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
        },
        { ...closed, description: "Of what no mapping fits." },
      ),
    ),
    map: Type.Optional(Type.Array(Mapping, { maxItems: 1_000, description: "In order: the first that fits." })),
  },
  closed,
);
export type ResourceConfig = Static<typeof ResourceConfig>;

export interface Mapped {
  readonly resource: Resource;
  /** Whether somebody said what it is: a mapping, or a default that stands alone. */
  readonly mapped: boolean;
  /** The mapping, from 0; absent where the default was taken. */
  readonly by?: number;
}

const longest = { type: 128, id: 256, project: 256 } as const;
const unmapped: Resource = { type: "endpoint", id: "unmapped" };
const defaultType = { security: "endpoint", trail: "endpoint", unparsed: "endpoint", database: "instance" } as const;

interface CompiledMapping {
  readonly kinds: readonly string[];
  readonly when: readonly (readonly [label: string, condition: Condition])[];
  readonly type?: Template;
  readonly id: Template;
  readonly project?: Template;
}

export class ResourceMap {
  readonly #mappings: readonly CompiledMapping[];
  readonly #default: Resource;
  /** Who gives only a default says that everything is that. */
  readonly #defaultIsMeant: boolean;

  /** @throws TaishiError invalid-parameter naming the member */
  constructor(config: ResourceConfig) {
    this.#mappings = (config.map ?? []).map((mapping, i) => compile(mapping, ["resources", "map", i]));
    this.#default = config.default ?? unmapped;
    this.#defaultIsMeant = config.default !== undefined && this.#mappings.length === 0;
  }

  map(kind: MappedKind, labels: Labels): Mapped {
    for (const [by, mapping] of this.#mappings.entries()) {
      const resource = mapping.kinds.includes(kind) ? resourceOf(mapping, kind, labels) : undefined;
      if (resource !== undefined) return { resource, mapped: true, by };
    }
    return { resource: this.#default, mapped: this.#defaultIsMeant };
  }
}

/** The resource, or undefined where a condition does not hold or a template lacks something. */
function resourceOf(
  { when, type, id, project }: CompiledMapping,
  kind: MappedKind,
  labels: Labels,
): Resource | undefined {
  for (const [label, { holds }] of when) if (!holds(valuesOf(labels, label))) return undefined;
  const groups = new Map<string, string | undefined>();
  // Only where all conditions hold: finding groups takes longer than testing.
  for (const [label, { pattern }] of when) {
    const found = pattern?.find(valuesOf(labels, label)[0] ?? "");
    for (const [i, group] of (found?.groups ?? []).entries()) groups.set(String(i), group);
    for (const [name, group] of found?.named ?? []) groups.set(name, group);
  }
  const value = (name: string): string | undefined => (groups.has(name) ? groups.get(name) : valuesOf(labels, name)[0]);
  const filled = {
    type: type === undefined ? defaultType[kind] : fill(type, value),
    id: fill(id, value),
    project: project === undefined ? undefined : fill(project, value),
  };
  if (filled.type === undefined || filled.id === undefined) return undefined;
  if (project !== undefined && filled.project === undefined) return undefined;
  const bounded = { type: bound(filled.type, longest.type), id: bound(filled.id, longest.id) };
  return filled.project === undefined ? bounded : { ...bounded, project: bound(filled.project, longest.project) };
}

function valuesOf(labels: Labels, label: string): readonly string[] {
  const value = Object.hasOwn(labels, label) ? labels[label as keyof Labels] : undefined;
  return value === undefined || value === "" ? [] : [value];
}

/** Longer texts end in a digest of the whole, so that two never become one. */
function bound(text: string, most: number): string {
  const whole = text.toWellFormed();
  if (whole.length <= most) return whole;
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, 16);
  return `${whole.slice(0, most - digest.length - 1).toWellFormed()}~${digest}`;
}

/** Literal texts, and names of what stands between them. */
type Template = readonly (string | { readonly name: string })[];

/** Undefined where something is not known, or nothing is left. */
function fill(template: Template, value: (name: string) => string | undefined): string | undefined {
  let text = "";
  for (const part of template) {
    const piece = typeof part === "string" ? part : value(part.name);
    if (piece === undefined || piece === "") return undefined;
    text += piece;
  }
  return text.trim() === "" ? undefined : text;
}

function compile(mapping: Static<typeof Mapping>, path: Path): CompiledMapping {
  const context = { lists: new Map<string, readonly string[]>(), fail };
  const when = Object.entries(mapping.when).map(([label, given]) => {
    if (!isLabel(label))
      fail([...path, "when", label], `is no label: those are ${labelNames.join(", ")}, and label.NAME`);
    return [label, readCondition(given, [...path, "when", label], context)] as const;
  });
  const names = groupNames(when, path);
  const template = (member: "type" | "id" | "project"): Template | undefined => {
    const text = mapping[member];
    return text === undefined ? undefined : readTemplate(text, names, [...path, member]);
  };
  const [type, project] = [template("type"), template("project")];
  return {
    kinds: mapping.kinds ?? mappedKinds,
    when,
    id: template("id")!,
    ...(type === undefined ? {} : { type }),
    ...(project === undefined ? {} : { project }),
  };
}

/** What templates of a mapping can name beside labels. */
function groupNames(when: CompiledMapping["when"], path: Path): ReadonlySet<string> {
  const patterns = when.flatMap(([label, { pattern }]) => (pattern === undefined ? [] : [{ label, pattern }]));
  const names = new Set<string>();
  for (const { label, pattern } of patterns)
    for (const name of pattern.names.keys()) {
      const at = [...path, "when", label, "regex"];
      if (isLabel(name)) fail(at, `the group ${name} has the name of a label`);
      if (names.has(name)) fail(at, `the group ${name} is there twice`);
      names.add(name);
    }
  // Numbers are of the one expression there is; with several nobody could tell whose they are.
  if (patterns.length === 1) for (let i = 0; i <= patterns[0]!.pattern.groupCount; i++) names.add(String(i));
  return names;
}

function readTemplate(text: string, groups: ReadonlySet<string>, path: Path): Template {
  const parts: (string | { readonly name: string })[] = [];
  for (const [piece, name] of text.matchAll(/\$\{([^}]*)\}|\$\$|\$|[^$]+/g)) {
    if (name !== undefined) {
      if (!groups.has(name) && !isLabel(name))
        fail(path, `\${${name}} is neither a label nor a group of the regular expression`);
      parts.push({ name });
    } else if (piece === "$") fail(path, "a $ is written $$, or begins the name of a label in braces");
    else parts.push(piece === "$$" ? "$" : piece);
  }
  return parts;
}

function isLabel(name: string): boolean {
  return (labelNames as readonly string[]).includes(name) || /^label\../.test(name);
}

function fail(path: Path, why: string): never {
  const field = path.join(".");
  throw new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}
