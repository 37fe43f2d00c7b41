// The ways through the append path whose every file call gets a fault (crash-syscalls.ts). A new step of the path, such as a
// new ledger file, is a new line here: what leads up to it, and the batch whose append makes it. Also says which faults
// a call can have.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Batch } from "./crash-load.ts";
import type { Call, Fault } from "./strace.ts";

/** Where one copy of the prepared data directory lies. */
export interface Place {
  readonly data: string;
  readonly anchor: string;
}

/** What a scenario may do with the running service before the thread is watched. */
export interface LeadUp {
  readonly place: Place;
  /** Appends a batch that must be acknowledged. */
  readonly append: (size: number) => Promise<Batch>;
}

export interface Scenario {
  readonly name: string;
  /** Settings for `taishi serve`, beside those of the place, e.g. small limits. */
  readonly settings?: readonly string[];
  readonly leadUp?: (before: LeadUp) => Promise<void>;
  /** The append that is watched from its request to the signed checkpoint after it. All have an idempotency key. */
  readonly events: number;
  readonly padding?: number;
}

/** Entries in the prepared directory: a full bundle and a tail that 256 more make full. */
export const preparedEvents = 300;

/** SQLite copies the write-ahead log into the file when a commit leaves this many frames in it or more. */
const checkpointFrames = 1000;
const frameBytes = 24 + 4096;

export const scenarios: readonly Scenario[] = [
  {
    // The log file gets its header; the anchor's last writer was killed before its rename.
    name: "the first append after a start, with an anchor file left half written",
    events: 1,
    leadUp: async ({ place }) => writeFileSync(`${place.anchor}.new`, "{", { mode: 0o644 }),
  },
  {
    name: "a batch that completes a bundle and has a blob",
    events: 256,
    padding: 66_000,
    leadUp: appendAndAnchor,
  },
  {
    // The batch is long enough that the log file is beyond journal_size_limit (4 MiB), and cut when begun anew.
    name: "an append that has the write-ahead log copied into the file, which the checkpoint then begins anew",
    events: 1,
    padding: 140_000,
    leadUp: fillLogFile,
  },
  {
    // Copying what goes on, the rename, and the closing of the file before.
    name: "an append after which the ledger's file closes and the next one begins",
    settings: ["--segment-seconds", "1"],
    events: 256,
    leadUp: rollAndAge,
  },
];

/** The prepared file, which holds a bundle, closes at once; the next one is old enough to do so with its first bundle. */
async function rollAndAge(before: LeadUp): Promise<void> {
  await appendAndAnchor(before);
  const begun = newestSegment(before.place);
  if (!begun.endsWith(segments[1]!)) throw new Error(`the prepared file did not close: ${begun}`);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
}

/** One event and the signed checkpoint after it: the log is open, and the next checkpoint most of a second away. */
async function appendAndAnchor({ place, append }: LeadUp): Promise<void> {
  const { receipt } = await append(1);
  for (let waited = 0; anchoredSize(place) <= receipt!.last; waited += 5) {
    if (waited > 30_000) throw new Error("no checkpoint came");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Small commits until the next one reaches SQLite's threshold; a checkpoint among them would make runs differ. */
async function fillLogFile(before: LeadUp): Promise<void> {
  await appendAndAnchor(before);
  const { place, append } = before;
  const path = `${newestSegment(place)}-wal`;
  while (frames(path) < checkpointFrames - 15) await append(1);
  if (frames(path) >= checkpointFrames) throw new Error("the write-ahead log was filled too far");
}

function frames(path: string): number {
  return Math.floor((statSync(path).size - 32) / frameBytes);
}

function anchoredSize({ anchor }: Place): number {
  return Math.max(0, ...Object.values(anchoredHeads(anchor)).map(({ size }) => size));
}

/** The heads in an anchor file, by origin; roots in base64. */
export function anchoredHeads(path: string): Record<string, { size: number; root: string }> {
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, { size: number; root: string }>;
}

const segments = ["000001.db", "000002.db", "000003.db"];

function newestSegment({ data }: Place): string {
  return join(data, "ledger", segments.findLast((name) => existsSync(join(data, "ledger", name)))!);
}

/** Every file and directory the append path may touch; strace takes exact paths, also of files that are still to come. */
export function watchedFiles({ data, anchor }: Place): readonly string[] {
  const ledger = join(data, "ledger");
  return [
    ledger,
    ...segments.flatMap((name) =>
      ["", "-wal", "-shm", "-journal", ".new", ".new-journal", ".new-wal"].map((end) => join(ledger, name + end)),
    ),
    join(anchor, ".."),
    anchor,
    `${anchor}.new`,
  ];
}

const every: readonly Fault[] = ["EIO", "ENOSPC", "killed before", "killed after"];
/** Changes nothing on disk: a kill there is a kill before the next call that does, and a full disk does not matter to it. */
const failing: readonly Fault[] = ["EIO"];

const faults: Readonly<Record<string, readonly Fault[]>> = {
  pwrite64: every,
  write: every,
  fsync: every,
  fdatasync: every,
  openat: every,
  close: every,
  rename: every,
  unlink: every,
  ftruncate: every,
  fallocate: every,
  link: every,
  chmod: every,
  fchmod: every,
  // SQLite gives its side files the owner of the main one, where it runs as root; a failure is nothing to it.
  fchown: failing,
  pread64: failing,
  read: failing,
  fstat: failing,
  lstat: failing,
  stat: failing,
  statx: failing,
  newfstatat: failing,
  access: failing,
  getdents64: failing,
  readlink: failing,
  // Locks: taken on memory of the kernel's, refused for other reasons than a disk's.
  fcntl: [],
  mmap: [],
  lseek: [],
};

/** The faults a call can have. @throws Error for a call this table does not know: it must be told here what it is */
export function faultsOf(call: Call): readonly Fault[] {
  const known = faults[call.name];
  if (known === undefined) throw new Error(`test/crash-scenarios.ts does not know the call ${call.line}`);
  return known;
}

/** What a file is to the append path, as the summary names it. */
export function roleOf(path: string): string {
  const name = basename(path);
  if (/^\d{6}\.db/.test(name)) return `ledger ${name.replace(/^\d{6}/, "N")}`;
  if (name === "ledger") return "ledger directory";
  return name === "anchor.json" || name === "anchor.json.new" ? name : "anchor's directory";
}
