// Backup and restore of a data directory: which stores are copied and checked with what, and what a copy may take the place
// of. I2 above all: a log that has signed more than the copy knows is not continued from it, but as a new log.
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type BackupManifest,
  checkFiles,
  copyStores,
  manifestName,
  openBackup,
  readManifest,
  sealedName,
  writeManifest,
} from "../backup/backup-files.ts";
import { sealSecrets, unsealSecrets } from "../backup/sealed-secrets.ts";
import { systemClock } from "../clock.ts";
import { makePrivateDirectory, syncDirectory, syncFile, writeFileDurably } from "../durable/files.ts";
import { acquireOwner } from "../durable/owner.ts";
import { openSigningKey } from "../durable/secret-file.ts";
import { TaishiError } from "../errors.ts";
import { formatSeconds } from "../event/time.ts";
import { Anchor, type AnchoredHead } from "../ledger/anchor.ts";
import { type FsckReport, fsck } from "../ledger/fsck.ts";
import type { LogKeys } from "../ledger/log-keys.ts";
import { type ContinuedLog, startNewLogs } from "../ledger/new-log.ts";
import { CheckpointSigner } from "../ledger/signer.ts";
import { LedgerReader } from "../ledger/store.ts";
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { equalBytes, parseNote } from "../merkle/note.ts";
import { dataPaths } from "./data-paths.ts";
import { LogKeyFiles } from "./log-key-files.ts";

export interface Places {
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string | undefined;
}

export type OnProgress = (text: string) => void;

export interface BackupReport {
  readonly made: number;
  readonly copied: number;
  readonly kept: number;
  readonly bytes: number;
  readonly entries: number;
  readonly problems: readonly string[];
}

/**
 * Copies what changed since the backup before, and verifies the whole. May run beside a server.
 * @param passphrase seals the secrets into the backup; without one they are not in it
 */
export async function backUp(
  directory: string,
  { data, secrets }: Places,
  passphrase: string | undefined,
  onProgress: OnProgress,
): Promise<BackupReport> {
  const paths = dataPaths(data, secrets);
  const service = readService(paths.ledger);
  const before = openBackup(directory, service);
  const made = systemClock.now();
  const source = { ledger: paths.ledger, identity: paths.identity, service: join(data, "service.json") };
  const { files, copied, kept } = await copyStores(directory, source, before, (file) => onProgress(`copying ${file}`));
  if (passphrase !== undefined) {
    const names = readdirSync(secrets);
    const content = new Map(names.map((name) => [name, readFileSync(join(secrets, name))]));
    writeFileDurably(join(directory, sealedName), sealSecrets(content, passphrase), 0o600);
  }
  const manifest: BackupManifest = { format: 1, service, made, logs: readLogs(join(directory, "ledger")), files };
  writeManifest(directory, manifest);
  // Read after the copy was made: a rotation meanwhile may have signed what is in it.
  const keys = new LogKeyFiles(paths).publicKeys();
  const { problems, entries } = await checkBackup(directory, keys, onProgress);
  return { made, copied, kept, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), entries, problems };
}

export interface BackupCheck {
  readonly manifest: BackupManifest;
  readonly entries: number;
  readonly checkpoints: number;
  /** Each a sentence that names the file, or the account and what in its log. */
  readonly problems: readonly string[];
}

/** Verifies a backup from its files' digests to its logs' signatures, without the directory it was made of. */
export async function checkBackup(
  directory: string,
  keys: LogKeys,
  onProgress: OnProgress = () => {},
): Promise<BackupCheck> {
  const manifest = readManifest(directory);
  if (manifest === undefined)
    throw new TaishiError("invalid-parameter", `there is no ${manifestName} in ${directory}`, { field: "DIR" });
  const problems = [...(await checkFiles(directory, manifest, (file) => onProgress(`reading ${file}`)))];
  let report: FsckReport | undefined;
  if (problems.length === 0) {
    const reader = LedgerReader.open(join(directory, "ledger"));
    try {
      report = await fsck(reader, {
        keys: () => keys,
        isCopy: true,
        onProgress: (done, all) => onProgress(`verifying ${done} of ${all} entries`),
      });
    } finally {
      reader.close();
    }
    for (const { account, what } of report.problems)
      problems.push(account === "" ? what : `account ${account}: ${what}`);
    for (const { account, size, checkpoint } of manifest.logs) {
      const log = readLogs(join(directory, "ledger")).find((found) => found.account === account);
      if (log?.size !== size || log.checkpoint !== checkpoint)
        problems.push(`account ${account}: the log is not the one that ${manifestName} names`);
    }
  }
  onProgress("");
  return { manifest, entries: report?.entries ?? 0, checkpoints: report?.checkpoints ?? 0, problems };
}

export interface RestoreReport {
  readonly made: number;
  readonly entries: number;
  /** Where what was in the data directory is now. */
  readonly replaced: string | undefined;
  /** Present where new logs were started. */
  readonly continued?: readonly ContinuedLog[];
}

/**
 * Puts a backup in the place of a data directory that no server owns. What was there is moved aside, never deleted.
 * @param newLog start new logs from the copy, instead of refusing where the old ones have signed more
 * @throws TaishiError invalid-parameter where the backup is damaged, its keys are missing, or a log has signed more
 */
export async function restore(
  directory: string,
  places: Places,
  options: { readonly newLog: boolean; readonly passphrase: string | undefined },
  onProgress: OnProgress,
): Promise<RestoreReport> {
  const { data, secrets, anchor } = places;
  const paths = dataPaths(data, secrets);
  const owner = acquireOwner(data, { pid: process.pid });
  try {
    if (!existsSync(paths.logKey)) restoreSecrets(directory, secrets, options.passphrase);
    const signer = openSigner(paths);
    const keys = new LogKeyFiles(paths).publicKeys();
    const check = await checkBackup(directory, keys, onProgress);
    if (check.problems.length > 0)
      throw new TaishiError("invalid-parameter", `the backup is damaged: ${check.problems.slice(0, 3).join("; ")}`);
    const conflicts = signedBeyond(directory, paths.ledger, anchor);
    if (conflicts.length > 0 && !options.newLog)
      throw new TaishiError(
        "invalid-parameter",
        `${conflicts[0]}. A log must never contradict what it has signed: restore a newer copy, or start new logs from this one with --new-log`,
      );
    const replaced = putInPlace(directory, data, check.manifest, onProgress);
    const report = { made: check.manifest.made, entries: check.entries, replaced };
    if (!options.newLog) return report;
    const service = randomBytes(8).toString("hex");
    const continued = startNewLogs(paths.ledger, service, signer, systemClock.now());
    writeFileDurably(join(data, "service.json"), `${JSON.stringify({ service, made: true })}\n`, 0o600);
    // The former logs end here; the new ones are anchored with their first checkpoint.
    if (anchor !== undefined) rmSync(anchor, { force: true });
    return { ...report, continued };
  } finally {
    owner.release();
  }
}

/** Each log that has signed more than the copy has, or something else, as a sentence. */
function signedBeyond(directory: string, ledger: string, anchorFile: string | undefined): readonly string[] {
  const copy = LedgerReader.open(join(directory, "ledger"));
  const present = existsSync(ledger) && readdirSync(ledger).some((name) => name.endsWith(".db"));
  const current = present ? LedgerReader.open(ledger) : undefined;
  try {
    const conflicts: string[] = [];
    const copies = new Map(copy.logs().map((log) => [log.origin, log]));
    const compare = (origin: string, head: AnchoredHead, who: string): void => {
      const log = copies.get(origin);
      if (log === undefined || head.size > log.size)
        conflicts.push(`${who} has signed ${head.size} entries of ${origin}, the backup has ${log?.size ?? "none"}`);
      else if (!equalBytes(copy.edgeAt(log, head.size).root(), head.root))
        conflicts.push(`${who} has signed another log ${origin} than the backup's at size ${head.size}`);
    };
    for (const log of current?.logs() ?? []) {
      const note = current!.latestCheckpoint(log.id)?.note;
      if (note !== undefined) compare(log.origin, parseCheckpoint(parseNote(note).text), "the data directory");
    }
    const anchor = anchorFile === undefined || !existsSync(anchorFile) ? undefined : new Anchor(anchorFile);
    for (const origin of anchor?.origins ?? []) compare(origin, anchor!.head(origin)!, "the anchor");
    return conflicts;
  } finally {
    copy.close();
    current?.close();
  }
}

/** @returns where what was there is now */
function putInPlace(
  directory: string,
  data: string,
  { files }: BackupManifest,
  onProgress: OnProgress,
): string | undefined {
  const coming = join(data, "restoring");
  rmSync(coming, { recursive: true, force: true });
  makePrivateDirectory(join(coming, "ledger"));
  for (const { path } of files) {
    onProgress(`copying ${path}`);
    copyFileSync(join(directory, path), join(coming, path));
    syncFile(join(coming, path));
  }
  for (const path of [join(coming, "ledger"), coming]) syncDirectory(path);
  onProgress("");
  const old = ["ledger", "index", "identity.db", "identity.db-wal", "identity.db-shm", "service.json"].filter((name) =>
    existsSync(join(data, name)),
  );
  let aside: string | undefined;
  if (old.length > 0) {
    aside = join(data, `replaced-${formatSeconds(systemClock.now()).replaceAll(":", "")}`);
    mkdirSync(aside, { mode: 0o700 });
    for (const name of old) renameSync(join(data, name), join(aside, name));
  }
  // service.json last: without it a directory that is half restored is not taken for one that lost its ledger.
  for (const name of ["ledger", "identity.db", "service.json"]) renameSync(join(coming, name), join(data, name));
  rmSync(coming, { recursive: true });
  syncDirectory(data);
  return aside;
}

function restoreSecrets(directory: string, secrets: string, passphrase: string | undefined): void {
  const sealed = join(directory, sealedName);
  if (!existsSync(sealed) || passphrase === undefined)
    throw new TaishiError(
      "invalid-parameter",
      existsSync(sealed)
        ? `there are no keys in ${secrets}: give the backup's passphrase with --passphrase-stdin, or --secrets DIR`
        : `there are no keys in ${secrets}, and the backup holds none: give their directory with --secrets`,
    );
  makePrivateDirectory(secrets);
  for (const [name, bytes] of unsealSecrets(readFileSync(sealed), passphrase))
    if (/^[\w.-]+$/.test(name)) writeFileDurably(join(secrets, name), bytes, 0o600);
}

function readLogs(ledger: string): BackupManifest["logs"] {
  const reader = LedgerReader.open(ledger);
  try {
    return reader.logs().map(({ id, account, origin, size }) => ({
      account,
      origin,
      size,
      checkpoint: Buffer.from(reader.latestCheckpoint(id)?.note ?? "").toString("base64"),
    }));
  } finally {
    reader.close();
  }
}

function readService(ledger: string): string {
  const reader = LedgerReader.open(ledger);
  try {
    return reader.service;
  } finally {
    reader.close();
  }
}

function openSigner(paths: ReturnType<typeof dataPaths>): CheckpointSigner {
  return new CheckpointSigner({
    logKey: openSigningKey(paths.logKey, { create: false }),
    clockKey: openSigningKey(paths.clockKey, { create: false }),
  });
}

/** Bytes of a backup's files on disk. */
export function backupBytes(directory: string, { files }: BackupManifest): number {
  return files.reduce(
    (sum, { path }) => sum + (statSync(join(directory, path), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
