// What /healthz and /readyz answer. Both need no key and tell nothing of any account: only sums over all of them (I7).
import type { Clock } from "../clock.ts";
import { formatMillis } from "../event/time.ts";
import type { Response } from "../exchange.ts";

/** The state of the parts, as flow.ts knows them; members beside these two are printed as they are. */
export interface HealthReport {
  readonly ready: boolean;
  readonly index: { readonly covered: number; readonly size: number };
  readonly [part: string]: unknown;
}

const json = { "content-type": "application/json; charset=utf-8" } as const;

/** 200 as long as the process answers at all. */
export function livenessResponse(clock: Clock): Response {
  return { status: 200, headers: json, body: JSON.stringify({ status: "ok", time: formatMillis(clock.now()) }) };
}

/** 200 when appends and queries are served, else 503. */
export function readinessResponse(report: HealthReport): Response {
  const headers = report.ready ? json : { ...json, "retry-after": "1" };
  return { status: report.ready ? 200 : 503, headers, body: JSON.stringify(report) };
}
