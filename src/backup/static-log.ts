// A log as static files: the tree of C2SP tlog-tiles below a directory, which any web server can serve and any verifier
// read, and beside it the blobs that entries refer to. Written so that a stop at any moment leaves a directory that the
// next run completes: blobs before the bundle that names them, the checkpoint after everything it covers. What is whole
// is never written again. Never continues an export of another log, or of another past of this one.
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makePrivateDirectory, readIfPresent, replaceFile, syncDirectory } from "../durable/files.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { LogTiles } from "../ledger/port.ts";
import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { equalBytes, parseNote } from "../merkle/note.ts";
import { type Tile, tilePath, tilesOf } from "../merkle/tile.ts";
import { tileWidth } from "../merkle/tree.ts";

export interface StaticLogSource extends LogTiles {
  /** Root of the log's first `size` entries. */
  rootAt(size: number): Uint8Array;
  /** The blobs that entries of a bundle refer to; `name` is the SHA-256 in hex. */
  blobs(index: number, bundle: Uint8Array): Iterable<{ readonly name: string; readonly bytes: Uint8Array }>;
}

export interface StaticLogReport {
  readonly origin: string;
  readonly size: number;
  /** Files written, files that were there, and bundles that the log has pruned. */
  readonly written: number;
  readonly kept: number;
  readonly pruned: number;
}

const mode = 0o600;
/** Files between two moments in which the process can hear a signal. */
const breath = 64;

/**
 * @param note the signed checkpoint up to which the log is written
 * @throws TaishiError invalid-parameter where the directory holds something else; Fatal where the log is not the signed one
 */
export async function writeStaticLog(
  directory: string,
  note: string,
  source: StaticLogSource,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<StaticLogReport> {
  const checkpoint = parseCheckpoint(parseNote(note).text);
  const { origin, size, root } = checkpoint;
  if (!equalBytes(source.rootAt(size), root))
    throw new Fatal(`the log ${origin} is not the one that was signed at size ${size}`, { hint: "Run `taishi fsck`." });
  continues(directory, checkpoint, source);

  const touched = new Set<string>();
  const write = (path: string, content: string | Uint8Array): void => {
    makePrivateDirectory(dirname(path));
    replaceFile(path, content, mode);
    touched.add(dirname(path));
  };
  const tiles = [...tilesOf(size)];
  let [written, kept, pruned] = [0, 0, 0];
  for (const [i, tile] of tiles.entries()) {
    const path = join(directory, tilePath(tile));
    if (existsSync(path)) kept++;
    else {
      const content = contentOf(source, tile);
      if (content === undefined) pruned++;
      else {
        if (tile.level === "entries")
          for (const { name, bytes } of source.blobs(tile.index, content)) {
            const blob = join(directory, "blob", name);
            if (!existsSync(blob)) write(blob, bytes);
          }
        write(path, content);
        written++;
      }
    }
    // Once a tile is full, C2SP needs its partial ones no more.
    if (tile.width === tileWidth) rmSync(`${path}.p`, { recursive: true, force: true });
    if (i % breath === 0) {
      onProgress(i, tiles.length);
      await new Promise(setImmediate);
    }
  }
  for (const made of touched) syncDirectory(made);
  write(join(directory, "checkpoint"), note);
  syncDirectory(directory);
  onProgress(tiles.length, tiles.length);
  return { origin, size, written, kept, pruned };
}

/** Undefined where the entries were pruned. */
function contentOf(source: StaticLogSource, { level, index, width }: Tile): Uint8Array | undefined {
  if (level !== "entries") return source.hashes(level, index * tileWidth, width);
  try {
    return source.entries(index, width);
  } catch (thrown) {
    if (thrown instanceof TaishiError && thrown.status === 410) return undefined;
    throw thrown;
  }
}

/** @throws TaishiError where the directory has a checkpoint that this one does not continue */
function continues(directory: string, { origin, size }: Checkpoint, source: StaticLogSource): void {
  const text = readIfPresent(join(directory, "checkpoint"));
  if (text === undefined) return;
  const refuse = (why: string): TaishiError =>
    new TaishiError("invalid-parameter", `${directory} ${why}`, { field: "directory" });
  let before: Checkpoint;
  try {
    before = parseCheckpoint(parseNote(text).text);
  } catch (thrown) {
    throw refuse(`has a checkpoint that cannot be read: ${(thrown as Error).message}`);
  }
  if (before.origin !== origin) throw refuse(`holds the log ${before.origin}, not ${origin}`);
  if (before.size > size)
    throw refuse(
      `holds ${before.size} entries, more than the ${size} that this ledger has signed; keep it as evidence`,
    );
  if (!equalBytes(source.rootAt(before.size), before.root))
    throw refuse(`holds another past of this log: its first ${before.size} entries differ; keep it as evidence`);
}
