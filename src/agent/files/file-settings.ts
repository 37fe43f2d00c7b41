// What a configuration says of files: paths and patterns alone, or with the rest.
import { type Static, Type } from "typebox";

const closed = { additionalProperties: false } as const;

const paths = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 1,
  description: "Paths, or patterns with *, ?, [ ], { } and **. Rotated files are found by themselves.",
});

const detailed = Type.Object(
  {
    paths,
    from: Type.Union([Type.Literal("start"), Type.Literal("end")], {
      default: "start",
      description: "Where the first run begins: with everything that is there, or with what comes.",
    }),
    encoding: Type.Literal("utf-8", { default: "utf-8", description: "Of the text; other bytes are kept as bytes." }),
    "poll-ms": Type.Integer({
      default: 1_000,
      minimum: 10,
      maximum: 60_000,
      description: "How often it is looked for what the system does not tell of.",
    }),
    "settle-ms": Type.Integer({
      default: 5_000,
      minimum: 10,
      maximum: 3_600_000,
      description: "How long a file that was rotated away must stay as it is to be held to be over.",
    }),
  },
  closed,
);

export type FileSettings = Static<typeof detailed>;

/** Of `files` in a configuration. */
export const fileSettings = Type.Union([paths, detailed], { description: "Files to follow." });

export const defaultFileSettings: Omit<FileSettings, "paths"> = {
  from: "start",
  encoding: "utf-8",
  "poll-ms": 1_000,
  "settle-ms": 5_000,
};

/** @param given checked against fileSettings */
export function fileSettingsOf(
  given: readonly string[] | (Partial<FileSettings> & Pick<FileSettings, "paths">),
): FileSettings {
  return "paths" in given ? { ...defaultFileSettings, ...given } : { ...defaultFileSettings, paths: [...given] };
}
