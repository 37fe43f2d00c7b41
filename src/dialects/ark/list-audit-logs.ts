// The action ListAuditLogs of service ark, version 2024-01-01: authorise, decode, ask, encode. Holds no state.
import type { Action } from "../../clouds/volcengine/gateway.ts";
import { readParameters } from "../../clouds/volcengine/parameters.ts";
import type { Queries } from "../../query/query.ts";
import { authorise } from "./auth.ts";
import { decodeListAuditLogs } from "./decode.ts";
import { preferredLanguage } from "./detail.ts";
import { encodeListAuditLogs } from "./encode.ts";

/** No real call comes near; more is refused before it is read. */
const maxBodyBytes = 64 * 1024;

export function listAuditLogsAction(queries: Pick<Queries, "list">): Action {
  return {
    action: "ListAuditLogs",
    version: "2024-01-01",
    service: "ark",
    methods: ["GET", "POST"],
    maxBodyBytes,
    async handle(call) {
      authorise(call.caller, "ListAuditLogs");
      const asked = decodeListAuditLogs(readParameters(call), call.caller.account);
      const page = await queries.list(asked.request);
      return encodeListAuditLogs(page, asked, preferredLanguage(call.acceptLanguage));
    },
  };
}
