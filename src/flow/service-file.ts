// DATA/service.json: which service this directory is, and that its ledger was made. Beside the ledger, so that a ledger
// that is gone or is another's is found out at start even without an anchor (I2). If it is lost: made anew from the ledger
// that is there. If an attacker writes it: the service refuses to start, or a lost ledger goes unnoticed here.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readIfPresent, writeFileDurably } from "../durable/files.ts";
import { Fatal } from "../errors.ts";

interface ServiceFile {
  /** 16 hex digits; the ledger has the same. */
  readonly service: string;
  /** The ledger was opened with it once. */
  readonly made: boolean;
}

const restore =
  "Restore the newest copy of the ledger; a new one under the same name would contradict what was signed.";

/**
 * The service id to make or to expect the ledger with.
 * @throws Fatal where the ledger was made once and is not there
 */
export function expectedService(data: string, ledgerDirectory: string, fresh: () => string): string | undefined {
  const path = servicePath(data);
  const text = readIfPresent(path);
  const hasLedger = existsSync(ledgerDirectory) && readdirSync(ledgerDirectory).some((name) => name.endsWith(".db"));
  if (text === undefined) {
    if (hasLedger) return undefined; // its own id is taken over by rememberService
    const service = fresh();
    write(path, { service, made: false });
    return service;
  }
  const { service, made } = parse(path, text);
  if (made && !hasLedger) throw new Fatal(`the ledger in ${ledgerDirectory} is gone`, { hint: restore });
  return service;
}

/** @throws Fatal where the ledger is another service's */
export function rememberService(data: string, expected: string | undefined, found: string): void {
  if (expected !== undefined && expected !== found)
    throw new Fatal(`the ledger belongs to service ${found}, this directory to ${expected}`, { hint: restore });
  const path = servicePath(data);
  const text = readIfPresent(path);
  if (text === undefined || !parse(path, text).made) write(path, { service: found, made: true });
}

function servicePath(data: string): string {
  return join(data, "service.json");
}

function write(path: string, content: ServiceFile): void {
  writeFileDurably(path, `${JSON.stringify(content)}\n`, 0o600);
}

function parse(path: string, text: string): ServiceFile {
  try {
    const { service, made } = JSON.parse(text) as ServiceFile;
    if (typeof service === "string" && /^[0-9a-z]+$/.test(service) && typeof made === "boolean")
      return { service, made };
  } catch (cause) {
    throw new Fatal(`${path} cannot be read`, { hint: "Remove it: it is made anew from the ledger.", cause });
  }
  throw new Fatal(`${path} is not a service file`, { hint: "Remove it: it is made anew from the ledger." });
}
