// Any request to Vault that uses no key, as a trail event. Its name is the operation and what it was asked of: the engine's type
// and what of its paths an administrator has named, never a part of a path that anyone who asks can make up.
import type { TrailDraft } from "../source.ts";
import type { VaultEntry } from "./parse.ts";

const longestName = 128;
const readOperations: ReadonlySet<string> = new Set(["read", "list", "help", "header", "alias-lookahead"]);
/** Engines whose paths begin with the name of an endpoint of theirs. */
const engines: ReadonlySet<string> = new Set([
  "transit",
  "pki",
  "database",
  "ssh",
  "aws",
  "gcp",
  "azure",
  "totp",
  "kmip",
]);

/** @param text the entry's, without the device's prefix */
export function trailOf(entry: VaultEntry, time: number, error: string | undefined, text: string): TrailDraft {
  const members: { readonly [key in keyof TrailDraft]?: TrailDraft[key] | undefined } = {
    requestId: entry.id,
    userName: entry.displayName,
    identityType: entry.tokenType,
    accessKeyId: entry.accessor,
    sourceIp: entry.sourceIp,
    region: entry.namespace === "" ? undefined : entry.namespace,
    errorCode: error === undefined ? undefined : codeOf(error),
    resources: resourcesOf(entry),
  };
  return {
    kind: "trail",
    time,
    type: `${entry.operation ?? "access"} ${placeOf(entry)}`.slice(0, longestName).toWellFormed(),
    source: "vault",
    ...(Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<TrailDraft>),
    readOnly: readOperations.has(entry.operation ?? ""),
    detail: text,
  };
}

/** "sys/policies", "auth/approle/login", "kv", "pki/issue" … */
function placeOf({ path, mountPoint, mountType, error }: VaultEntry): string {
  const parts = path.split("/");
  if (parts[0] === "sys" || parts[0] === "identity") return parts.slice(0, 2).join("/");
  if (parts[0] === "auth") return parts.slice(0, 3).join("/");
  // Old versions do not say the type; then what was answered well is mounted, and all else may be made up.
  if (mountType === undefined) return parts[0] === "" || error !== undefined ? "another path" : parts[0]!;
  if (!engines.has(mountType)) return mountType;
  const under = mountPoint !== undefined && path.startsWith(`${mountPoint}/`) ? mountPoint.split("/").length : 1;
  const endpoint = parts[under];
  return endpoint === undefined ? mountType : `${mountType}/${endpoint}`;
}

function resourcesOf({ path, mountType }: VaultEntry): TrailDraft["resources"] {
  if (path === "") return undefined;
  return [{ type: (mountType ?? "path").slice(0, 256).toWellFormed(), id: path.slice(0, 1024).toWellFormed() }];
}

/** What the error ends in is what it is: "1 error occurred:\n\t* permission denied\n\n". */
function codeOf(error: string): string {
  const last = error
    .split("\n")
    .map((line) => line.trim().replace(/^\* /, ""))
    .filter((line) => line !== "")
    .at(-1);
  return (last ?? error).slice(0, 1024).toWellFormed();
}
