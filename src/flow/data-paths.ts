// Where everything in a data directory is, and the secrets beside it.
import { join } from "node:path";

/** The files of a data directory. */
export function dataPaths(data: string, secrets: string) {
  return {
    identity: join(data, "identity.db"),
    ledger: join(data, "ledger"),
    index: join(data, "index"),
    firstKey: join(data, "first-key.json"),
    spool: join(data, "spool"),
    sealingKey: join(secrets, "seal.key"),
    logKey: join(secrets, "log.pem"),
    nextLogKey: join(secrets, "log.next.pem"),
    retiredLogKeys: join(secrets, "log.retired.json"),
    clockKey: join(secrets, "clock.pem"),
  } as const;
}
