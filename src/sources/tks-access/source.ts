// The access log of a trusted key service, whichever: JSON objects with what was called and when. The mapping of json-lines with
// all but the paths decided: type TksAccess, whose one content in Ark is `method`.
import { type Static, Type } from "typebox";
import { ContentField, compileMapping, Field, Time, Where } from "../json-mapping.ts";
import type { Source } from "../source.ts";

const Options = Type.Object(
  {
    time: Type.Optional(Time),
    method: Type.Optional(Field),
    contents: Type.Array(ContentField, {
      maxItems: 999,
      default: [
        { key: "RequestID", path: "$.request_id" },
        { key: "KeyID", path: "$.key_id" },
        { key: "User", path: "$.user" },
        { key: "SourceIP", path: "$.source_ip" },
        { key: "Result", path: "$.result" },
      ],
      description: "What follows `method`, in this order; what a record does not have is left out.",
    }),
    labels: Type.Record(Type.String(), Field, {
      default: {
        operation: "$.method",
        key: "$.key_id",
        user: "$.user",
        "source.ip": "$.source_ip",
        session: "$.request_id",
      },
    }),
    where: Type.Optional(Where),
    redact: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 1000 })),
  },
  { additionalProperties: false },
);
type Options = Static<typeof Options>;

export const tksAccess: Source = {
  name: "tks-access",
  version: "1",
  options: Options,
  parser: ({ method = "$.method", contents, ...options }: Options) => {
    const field: Exclude<Field, string> = typeof method === "string" ? { path: method } : method;
    const outcomeOf = compileMapping({
      ...options,
      kind: "security",
      type: { value: "TksAccess" },
      contents: [{ key: "method", ...("path" in field ? { ...field, required: true } : field) }, ...contents],
    });
    return { take: (record) => [outcomeOf(record)], expire: () => [], end: () => [], waiting: () => [] };
  },
};
