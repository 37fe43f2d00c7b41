// PostgreSQL with pgaudit, read from the server's log in each of its three forms: audited statements, failed statements,
// connections.
import { type Static, Type } from "typebox";
import type { Source } from "../source.ts";
import { csvlogParser } from "./csvlog.ts";
import { jsonlogParser } from "./jsonlog.ts";
import { LinePrefix } from "./line-prefix.ts";
import { LogTime } from "./log-time.ts";
import { stderrParser } from "./stderr-log.ts";

const Options = Type.Object(
  {
    form: Type.Union([Type.Literal("stderr"), Type.Literal("csvlog"), Type.Literal("jsonlog")], {
      default: "stderr",
      description: "log_destination of the file that is read.",
    }),
    prefix: Type.String({ default: "%m [%p] ", description: "log_line_prefix; for stderr only." }),
    zone: Type.Optional(
      Type.String({
        description: "log_timezone, where it is not UTC: an IANA name. The log names it by letters only.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const pgaudit: Source = {
  name: "pgaudit",
  version: "1",
  options: Options,
  parser({ form, prefix, zone }: Static<typeof Options>) {
    const times = new LogTime(zone);
    if (form === "csvlog") return csvlogParser(times);
    if (form === "jsonlog") return jsonlogParser(times);
    return stderrParser({ prefix: new LinePrefix(prefix), times });
  },
};
