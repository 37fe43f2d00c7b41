// The parameters of a call of this cloud, path, query and body together, as its record keeps them. Pure.
import { recordedParameters as withoutSecrets } from "../../redact.ts";
import type { JsonObject } from "./operation.ts";
import type { QueryParameter } from "./query-string.ts";

export interface RecordedCall {
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly QueryParameter[];
  readonly body?: JsonObject | undefined;
}

/** Undefined where there is nothing to tell. */
export function recordedParameters({ params, query, body }: RecordedCall): string | undefined {
  const all: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(params)) all[name] = value;
  for (const { name, value } of query) {
    const before = all[name];
    all[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  for (const [name, value] of Object.entries(body ?? {})) all[name] = value;
  return withoutSecrets(all);
}
