// A call of the own API as the service's own audit keeps it. Holds no secret: of a body only what its route tells, and of
// the query, where no secret belongs, nothing that is called like one.
import type { FastifyRequest } from "fastify";
import type { CallRecord } from "../exchange.ts";
import type { Caller } from "../identity/caller.ts";
import { recordedParameters } from "../redact.ts";
import type { ToldOfCall } from "./route.ts";
import { queryOf, targetOf } from "./wire-request.ts";

/** @param caller absent where nobody was authenticated; @param errorCode absent on success */
export function callRecord(
  request: FastifyRequest,
  { name, readOnly, parameters, resources }: ToldOfCall & { readonly name: string; readonly readOnly: boolean },
  time: number,
  caller: Caller | undefined,
  errorCode: string | undefined,
): CallRecord {
  const query = [...new URLSearchParams(queryOf(targetOf(request)))];
  const told = [...query, ...Object.entries(parameters ?? {})];
  return {
    time,
    account: caller?.account,
    accessKey: caller?.accessKey,
    userName: caller?.userName,
    source: "taishi",
    name,
    version: "v1",
    requestId: request.id,
    address: request.ip,
    userAgent: request.headers["user-agent"],
    readOnly,
    parameters: caller === undefined ? undefined : recordedParameters(Object.fromEntries(told)),
    errorCode,
    resources,
  };
}
