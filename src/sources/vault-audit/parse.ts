// One entry of a HashiCorp Vault (or OpenBao) audit device of the file, socket or syslog kind in JSON form, to its facts. Values
// that Vault has put through HMAC stay as they are: they compare with each other, and nothing here can undo them.
import { parseRfc3339 } from "../../event/time.ts";
import { type Members, membersOf, readObject, scalarOf, textOf } from "../json-record.ts";

export interface VaultEntry {
  readonly isResponse: boolean;
  /** Whether it came over KMIP. */
  readonly isKmip: boolean;
  readonly id: string;
  readonly time: number;
  readonly operation: string | undefined;
  /** Below its namespace, without a slash at either end. */
  readonly path: string;
  /** Where the secrets engine or auth method is mounted, without a slash at either end; undefined where it is not said. */
  readonly mountPoint: string | undefined;
  readonly mountType: string | undefined;
  /** "" is the root. */
  readonly namespace: string;
  readonly sourceIp: string | undefined;
  readonly sourcePort: string | undefined;
  readonly displayName: string | undefined;
  readonly entityId: string | undefined;
  readonly accessor: string | undefined;
  readonly tokenType: string | undefined;
  readonly error: string | undefined;
}

/** `other`: a record of something else. */
export type NotEntry = { readonly other: boolean; readonly reason: string };

const types = /^(kmip-)?(request|response)$/;

/** @param prefix what the audit device puts before each entry, as it is configured there */
export function parseVaultEntry(text: string, prefix: string): VaultEntry | NotEntry {
  const record = readObject(withoutPrefix(text, prefix));
  if (typeof record === "string") return { other: false, reason: record };
  const type = types.exec(textOf(record.type) ?? "");
  const request = membersOf(record.request);
  if (type === null)
    return "request" in record && "type" in record
      ? { other: false, reason: "the entry's type is not known" }
      : { other: true, reason: "the record is no entry of an audit device" };
  const id = textOf(request.id);
  if (id === undefined) return { other: false, reason: "the entry's request has no id" };
  const time = parseRfc3339(textOf(record.time) ?? "");
  if (time === undefined || time < 0) return { other: false, reason: "the entry has no time" };
  return { isResponse: type[2] === "response", isKmip: type[1] !== undefined, id, time, ...factsOf(record, request) };
}

export function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function factsOf(record: Members, request: Members): Omit<VaultEntry, "isResponse" | "isKmip" | "id" | "time"> {
  const auth = membersOf(record.auth);
  const namespace = membersOf(request.namespace);
  const mountPoint = textOf(request.mount_point);
  return {
    operation: textOf(request.operation),
    path: withoutSlashes(textOf(request.path) ?? ""),
    mountPoint: mountPoint === undefined ? undefined : withoutSlashes(mountPoint),
    mountType: textOf(request.mount_type),
    namespace: withoutSlashes(textOf(namespace.path) ?? ""),
    sourceIp: textOf(request.remote_address),
    sourcePort: portOf(request.remote_port),
    displayName: textOf(auth.display_name),
    entityId: textOf(auth.entity_id),
    accessor: textOf(auth.accessor),
    tokenType: textOf(auth.token_type),
    error: textOf(record.error),
  };
}

function portOf(value: unknown): string | undefined {
  const port = scalarOf(value) ?? "";
  return /^[1-9]\d{0,4}$/.test(port) ? port : undefined;
}

function withoutSlashes(path: string): string {
  return path.replace(/^\//, "").replace(/\/$/, "");
}

export interface KeyUse {
  /** As the engine's API calls it: "encrypt", "datakey"; of KMIP the request's operation. */
  readonly operation: string;
  readonly mount: string;
  readonly key: string;
}

/** What follows the operation in the path: a kind of key pair or output, before the key's name. */
const transitOperations: ReadonlyMap<string, number> = new Map([
  ["encrypt", 0],
  ["decrypt", 0],
  ["rewrap", 0],
  ["sign", 0],
  ["verify", 0],
  ["hmac", 0],
  ["datakey", 1],
]);

/**
 * The use of a key that an entry tells of, or undefined: managing keys is no use of one.
 * @param transitMounts where the transit engine is mounted, for versions that do not say the type
 */
export function keyUseOf(entry: VaultEntry, transitMounts: readonly string[]): KeyUse | undefined {
  const { path, operation } = entry;
  const told = entry.mountType === undefined ? transitMounts.find((mount) => path.startsWith(`${mount}/`)) : undefined;
  const mountType = told === undefined ? entry.mountType : "transit";
  const mountPoint = entry.mountPoint ?? told;
  if (entry.isKmip)
    return { operation: operation ?? "", mount: mountPoint ?? mountType ?? "kmip", key: kmipKey(entry) };
  if (mountType !== "transit" || operation === "help" || operation === "list") return undefined;
  const parts = path.split("/");
  const known =
    mountPoint !== undefined && path.startsWith(`${mountPoint}/`) ? mountPoint.split("/").length : undefined;
  // Where the mount is not said, it ends before the first operation that a key follows; it has a name of at least one part.
  const first = known ?? parts.findIndex((part, at) => at > 0 && transitOperations.has(part) && at + 1 < parts.length);
  const skipped = transitOperations.get(parts[first] ?? "");
  if (first < 1 || skipped === undefined) return undefined;
  const key = parts[first + 1 + skipped];
  if (key === undefined || key === "") return undefined;
  return { operation: parts[first]!, mount: parts.slice(0, first).join("/"), key };
}

/** KMIP names keys by ids in its body, which are HMACed or absent; what path there is is told. */
function kmipKey({ path, mountPoint }: VaultEntry): string {
  return mountPoint !== undefined && path.startsWith(`${mountPoint}/`) ? path.slice(mountPoint.length + 1) : path;
}
