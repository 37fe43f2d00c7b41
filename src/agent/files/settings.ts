// What a configuration says of a file input: paths alone, or paths with how they are followed.
import { resolve } from "node:path";
import { Type } from "typebox";
import type { InputKind } from "../inputs.ts";
import { FileInput } from "./file-input.ts";

export const FilesSettings = Type.Union([
  Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: "Paths or globs of live files." }),
  Type.Object(
    {
      paths: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
      from: Type.Union([Type.Literal("start"), Type.Literal("end")], {
        default: "start",
        description: "Where to begin in files that are there at the very first start.",
      }),
      "poll-seconds": Type.Number({ default: 1, minimum: 0.01, maximum: 3600 }),
    },
    { additionalProperties: false },
  ),
]);

export const filesKind: InputKind = {
  schema: FilesSettings,
  once: true,
  create(settings: string[] | { paths: string[]; from?: "start" | "end"; "poll-seconds"?: number }, context) {
    const {
      paths,
      from = "start",
      "poll-seconds": poll = 1,
    } = Array.isArray(settings) ? { paths: settings } : settings;
    return new FileInput(
      { patterns: paths.map((path) => resolve(context.base, path)), from, pollMs: poll * 1000 },
      context,
    );
  },
};
