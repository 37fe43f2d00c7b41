// What a configuration says of files: paths and patterns alone, or with the rest.
import { type Static, Type } from "typebox";

const closed = { additionalProperties: false } as const;

const paths = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 1,
  description: "Paths, or patterns with *, ?, [ ], { } and **. Rotated files are found by themselves.",
});

/** Of `files` in a configuration. */
export const fileSettings = Type.Union(
  [
    paths,
    Type.Object(
      {
        paths,
        from: Type.Union([Type.Literal("start"), Type.Literal("end")], {
          default: "start",
          description: "Where the first run begins: with everything that is there, or with what comes.",
        }),
        "poll-seconds": Type.Number({
          default: 1,
          minimum: 0.01,
          maximum: 3_600,
          description: "How often it is looked for what the system does not tell of.",
        }),
        "settle-seconds": Type.Number({
          default: 5,
          minimum: 0.01,
          maximum: 3_600,
          description: "How long a file that was rotated away must stay as it is to be held to be over.",
        }),
      },
      closed,
    ),
  ],
  { description: "Files to follow." },
);

type Detailed = Exclude<Static<typeof fileSettings>, readonly string[]>;
/** Checked against fileSettings; defaults may be left out. */
export type FileSettings = readonly string[] | (Partial<Detailed> & Pick<Detailed, "paths">);

export function detailedOf(settings: FileSettings): Detailed {
  const given = "paths" in settings ? settings : { paths: [...settings] };
  return { from: "start", "poll-seconds": 1, "settle-seconds": 5, ...given };
}
