// A backup: a directory with copies of the stores that nothing else can make again, and backup.json, which says what is in
// it. Made beside a server: closed files of the ledger never change but for retention, so they are copied once; the newest
// and the identities are copied as of one moment. What is complete is renamed into place, backup.json last: a stop leaves
// the backup before, of which a file may be newer than it says, and the next run completes it.
// Not in it: the index and the exports, which are derived; the secrets, unless sealed with a passphrase.
import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyDatabase } from "../durable/database.ts";
import { makePrivateDirectory, readIfPresent, syncDirectory, syncFile, writeFileDurably } from "../durable/files.ts";
import { Fatal, TaishiError } from "../errors.ts";

export const manifestName = "backup.json";
export const sealedName = "secrets.sealed";

export interface BackedUpFile {
  /** Below the backup's directory, with slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** What the file it was copied from looked like, where that does not change. */
  readonly source?: { readonly bytes: number; readonly modified: number };
}

export interface BackedUpLog {
  readonly account: string;
  readonly origin: string;
  readonly size: number;
  /** Of the last checkpoint in it, in base64. */
  readonly checkpoint: string;
}

export interface BackupManifest {
  readonly format: 1;
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly made: number;
  readonly logs: readonly BackedUpLog[];
  readonly files: readonly BackedUpFile[];
}

export interface BackupSource {
  /** Directory of the ledger's files. */
  readonly ledger: string;
  readonly identity: string;
  readonly service: string;
}

export interface CopyReport {
  readonly files: readonly BackedUpFile[];
  readonly copied: number;
  readonly kept: number;
}

const segmentName = /^\d{6}\.db$/;

/** @throws TaishiError invalid-parameter where the directory holds something else, or another service's backup */
export function openBackup(directory: string, service: string): BackupManifest | undefined {
  const manifest = readManifest(directory);
  if (manifest === undefined) {
    const strange = existsSync(directory)
      ? readdirSync(directory).filter((name) => !/^(ledger|.*\.new)$/.test(name))
      : [];
    if (strange.length > 0)
      throw new TaishiError("invalid-parameter", `${directory} is not empty and no backup`, { field: "DIR" });
  } else if (manifest.service !== service)
    throw new TaishiError(
      "invalid-parameter",
      `${directory} is a backup of service ${manifest.service}, not ${service}`,
      {
        field: "DIR",
      },
    );
  return manifest;
}

/** @throws Fatal where backup.json cannot be read */
export function readManifest(directory: string): BackupManifest | undefined {
  const path = join(directory, manifestName);
  const text = readIfPresent(path);
  if (text === undefined) return undefined;
  try {
    const manifest = JSON.parse(text) as BackupManifest;
    if (manifest.format !== 1 || !Array.isArray(manifest.files) || !Array.isArray(manifest.logs))
      throw new SyntaxError("not a manifest of format 1");
    return manifest;
  } catch (cause) {
    throw new Fatal(`${path} cannot be read`, { hint: "It is damaged, or of a newer version.", cause });
  }
}

/** Copies what changed since the last time. @param onProgress told of each file that is copied */
export async function copyStores(
  directory: string,
  source: BackupSource,
  before: BackupManifest | undefined,
  onProgress: (file: string) => void,
): Promise<CopyReport> {
  makePrivateDirectory(join(directory, "ledger"));
  const known = new Map(before?.files.map((file) => [file.path, file]));
  const files = new Map<string, BackedUpFile>();
  let copied = 0;
  let kept = 0;
  const take = async (path: string, copy: (to: string) => Promise<void> | void, from?: string): Promise<void> => {
    const looks = from === undefined ? undefined : looksOf(from);
    const earlier = known.get(path);
    const to = join(directory, path);
    if (
      looks !== undefined &&
      earlier?.source?.bytes === looks.bytes &&
      earlier.source.modified === looks.modified &&
      statSync(to, { throwIfNoEntry: false })?.size === earlier.bytes
    ) {
      files.set(path, earlier);
      kept++;
      return;
    }
    onProgress(path);
    const beside = `${to}.new`;
    rmSync(beside, { force: true });
    await copy(beside);
    const entry = { path, bytes: statSync(beside).size, sha256: await digestOf(beside) };
    renameSync(beside, to);
    syncDirectory(dirname(to));
    files.set(path, looks === undefined ? entry : { ...entry, source: looks });
    copied++;
  };
  // Closed files first: whatever closes or is pruned meanwhile, the newest then knows of all that was copied.
  for (let newest = ""; ; ) {
    const names = readdirSync(source.ledger)
      .filter((name) => segmentName.test(name))
      .sort();
    if (names.at(-1) === newest) break;
    newest = names.at(-1)!;
    for (const name of names.slice(0, -1)) {
      const from = join(source.ledger, name);
      // One that is still being closed is copied like one that is written.
      const busy = (statSync(`${from}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
      if (busy) await take(`ledger/${name}`, (to) => copyDatabase(from, to));
      else if (!files.has(`ledger/${name}`) || files.get(`ledger/${name}`)!.source === undefined)
        await take(
          `ledger/${name}`,
          (to) => {
            copyFileSync(from, to);
            syncFile(to);
          },
          from,
        );
    }
    await take(`ledger/${newest}`, (to) => copyDatabase(join(source.ledger, newest), to));
  }
  await take("identity.db", (to) => copyDatabase(source.identity, to));
  await take("service.json", (to) => {
    copyFileSync(source.service, to);
    syncFile(to);
  });
  return { files: [...files.values()], copied, kept };
}

export function writeManifest(directory: string, manifest: BackupManifest): void {
  writeFileDurably(join(directory, manifestName), `${JSON.stringify(manifest, null, 1)}\n`, 0o600);
}

/** Files of a backup that are missing or other than it says, each as a sentence. */
export async function checkFiles(
  directory: string,
  { files }: BackupManifest,
  onProgress: (file: string) => void,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { path, bytes, sha256 } of files) {
    onProgress(path);
    const found = statSync(join(directory, path), { throwIfNoEntry: false });
    if (found === undefined) problems.push(`${path} is missing`);
    else if (found.size !== bytes) problems.push(`${path} has ${found.size} bytes instead of ${bytes}`);
    else if ((await digestOf(join(directory, path))) !== sha256) problems.push(`${path} has other content than it had`);
  }
  const listed = new Set(files.map(({ path }) => path));
  for (const name of readdirSync(join(directory, "ledger")))
    if (segmentName.test(name) && !listed.has(`ledger/${name}`)) problems.push(`ledger/${name} is not of the backup`);
  return problems;
}

function looksOf(path: string): { readonly bytes: number; readonly modified: number } {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, modified: mtimeMs };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
