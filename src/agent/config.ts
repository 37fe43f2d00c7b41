// The agent's configuration file: what it collects, where it keeps what is not yet acknowledged, where that goes.
import { type Static, type TSchema, Type } from "typebox";
import { TaishiError } from "../errors.ts";
import type { Source } from "../sources/source.ts";
import { type InputKind, inputKinds } from "./inputs.ts";
import { ResourceConfig } from "./resources.ts";
import { readYaml } from "./yaml-file.ts";

const closed = { additionalProperties: false } as const;
const name = Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$" });

export const noEvents = ["other-program", "no-event", "health-check"] as const;

function schemaFor(sources: ReadonlyMap<string, Source>, kinds: ReadonlyMap<string, InputKind>) {
  const input = Type.Partial(
    Type.Object(Object.fromEntries([...kinds].map(([kind, { schema }]) => [kind, schema])), {
      ...closed,
      description: "One of these: where the records come from.",
    }),
    closed,
  );
  const Entry = Type.Object(
    {
      name: Type.Unsafe<string>({
        ...name,
        description: "Of your choosing; unique, and never changed: it is part of the positions.",
      }),
      source: Type.Unsafe<string>(Type.Enum([...sources.keys()], { description: "What the records are." })),
      input: Type.Unsafe<Record<string, unknown>>(input),
      options: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), { description: "Of the source; see its page." }),
      ),
      ignore: Type.Array(Type.Enum([...noEvents]), {
        default: [],
        description: "Records that are no events and are counted only, instead of kept as unparsed.",
      }),
    },
    closed,
  );
  return Type.Object(
    {
      agent: Type.Optional(
        Type.Unsafe<string>({ ...name, description: "This agent's name; default the host's name." }),
      ),
      server: Type.Optional(Type.String({ pattern: "^https?://", description: "The service's address." })),
      "token-file": Type.Optional(Type.String({ description: "File with a bearer token of role writer." })),
      "ca-file": Type.Optional(Type.String({ description: "Certificates to believe beside the system's, in PEM." })),
      "insecure-http": Type.Boolean({ default: false, description: "Send the token over plain HTTP to another host." }),
      account: Type.Optional(
        Type.String({ pattern: "^\\d+$", description: "In place of server, where the service itself collects." }),
      ),
      spool: Type.Optional(Type.String({ description: "Directory of what is not yet acknowledged." })),
      "spool-bytes": Type.Integer({ default: 1024 ** 3, minimum: 1024 ** 2, description: "When full, reading waits." }),
      sources: Type.Array(Entry, { minItems: 1 }),
      resources: Type.Optional(ResourceConfig),
      rules: Type.Optional(Type.String({ description: "File of rules; default the built-in ones." })),
    },
    closed,
  );
}

export type AgentConfig = Static<ReturnType<typeof schemaFor>>;
export type SourceConfig = AgentConfig["sources"][number];

/** @param file what the text is called in errors @throws TaishiError invalid-parameter */
export function readAgentConfig(text: string, sources: ReadonlyMap<string, Source>, file: string): AgentConfig {
  const config = readYaml(text, schemaFor(sources, inputKinds), file) as AgentConfig;
  const names = new Set<string>();
  for (const [i, { name: own, input }] of config.sources.entries()) {
    if (names.has(own)) throw wrong(`${file}: sources.${i}.name: ${own} is there twice`, `sources.${i}.name`);
    names.add(own);
    if (Object.keys(input).length !== 1)
      throw wrong(
        `${file}: sources.${i}.input: must have one of ${[...inputKinds.keys()].join(", ")}`,
        `sources.${i}.input`,
      );
  }
  return config;
}

/** A source's options with their defaults. @throws TaishiError invalid-parameter */
export function sourceOptions(schema: TSchema, given: Record<string, unknown> | undefined, place: string): unknown {
  return readYaml(JSON.stringify(given ?? {}), schema, `${place}.options`);
}

function wrong(message: string, field: string): TaishiError {
  return new TaishiError("invalid-parameter", message, { field });
}
