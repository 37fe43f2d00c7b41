// Records of any origin that are one JSON object each, made events of by a mapping that the operator writes.
import { compileMapping, Mapping } from "../json-mapping.ts";
import type { Source } from "../source.ts";

export const jsonLines: Source = {
  name: "json-lines",
  version: "1",
  options: Mapping,
  parser: (options: Mapping) => {
    const outcomeOf = compileMapping(options);
    return { take: (record) => [outcomeOf(record)], expire: () => [], end: () => [], waiting: () => [] };
  },
};
