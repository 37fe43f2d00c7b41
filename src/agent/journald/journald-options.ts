// What may be said of a journald input in a configuration.
import { type Static, Type } from "typebox";

export const journaldSchema = Type.Object(
  {
    matches: Type.Array(Type.String({ pattern: "^([A-Z0-9_]+=|\\+$)" }), {
      default: [],
      description: 'FIELD=VALUE as journalctl takes them, and "+" between alternatives; none for everything.',
    }),
    directory: Type.Optional(
      Type.String({ pattern: "^/", description: "Where journal files are, if not where this system has its own." }),
    ),
    from: Type.Union([Type.Literal("start"), Type.Literal("now")], {
      default: "start",
      description: "Where to begin at the very first start: with what is in the journal, or with what comes.",
    }),
    program: Type.String({ minLength: 1, default: "journalctl", description: "The journalctl to run." }),
  },
  { additionalProperties: false },
);
export type JournaldOptions = Static<typeof journaldSchema>;
