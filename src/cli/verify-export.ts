// `taishi verify` of a directory with a log as static files: every tile, every bundle and every blob, under the signed
// checkpoint beside them and any others that someone kept. Only reads; works on read-only media.
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BlobReference, blobReferences, parseEntry } from "../event/entry.ts";
import { sha256 } from "../ledger/signer.ts";
import { entriesOf } from "../merkle/entry-bundle.ts";
import type { LogProblem } from "../merkle/log-problem.ts";
import { verifyLog } from "../merkle/log-verifier.ts";
import { toBase64 } from "../merkle/note.ts";
import type { Terminal } from "./terminal.ts";
import { openCheckpoint, signerFacts, type Trust } from "./trust.ts";
import type { Verdict } from "./verdict.ts";

/**
 * @param kept files with checkpoints of the same log
 * @throws NotVerified where a checkpoint is not good
 */
export async function verifyExport(
  directory: string,
  trust: Trust,
  kept: readonly string[],
  terminal: Pick<Terminal, "progress">,
): Promise<Verdict> {
  const opened = openCheckpoint(readFileSync(join(directory, "checkpoint"), "utf8"), trust, { path: "checkpoint" });
  const { origin, size, root } = opened.checkpoint;
  const withoutPolicy = { logKeys: trust.logKeys, cosigners: trust.cosigners };
  const others = kept.map((path) => ({
    path,
    // What was believed when it was kept is not asked for a quorum again.
    checkpoint: openCheckpoint(readFileSync(path, "utf8"), withoutPolicy, { path }).checkpoint,
  }));
  const read = (path: string): Promise<Uint8Array | undefined> =>
    readFile(join(directory, path)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "ENOENT") return undefined;
      throw thrown;
    });
  const blobs = new BlobCheck(read);
  const report = await verifyLog({
    sha256,
    read,
    checkpoint: { path: "checkpoint", checkpoint: opened.checkpoint },
    others,
    listed: filesBelow(directory, "tile"),
    onBundle: (first, bytes) => blobs.ofBundle(first, bytes),
    onProgress: (done, all) => terminal.progress(`${done} of ${all} entries`),
  });
  terminal.progress("");
  const { firstEntry, entries } = report;
  // Blobs of entries that are past their retention may still be there.
  const strays = firstEntry > 0 || report.problemCount > 0 ? [] : blobs.strays(filesBelow(directory, "blob"));
  return {
    kind: "export",
    problems: [...report.problems, ...strays],
    problemCount: report.problemCount + strays.length,
    claim: `the log ${origin} of ${size} entries`,
    facts: [
      ["log", origin],
      ["size", String(size)],
      [
        "entries",
        firstEntry === 0 ? `${entries}, all` : `${entries}, from ${firstEntry} on; of those before it the hashes`,
      ],
      ...(blobs.count === 0 ? [] : [["blobs", String(blobs.count)] as const]),
      ["root", toBase64(root)],
      ...signerFacts(opened),
      ...others.map(({ path, checkpoint }) => ["continues", `${path}, of ${checkpoint.size} entries`] as const),
    ],
    data: {
      origin,
      size,
      root: toBase64(root),
      firstEntry,
      entries,
      blobs: blobs.count,
      keyId: opened.keyId,
      cosigners: opened.cosigners,
      quorum: opened.quorum ? true : null,
    },
  };
}

/** Strings that are kept beside their entries: each must be there and hash to its name. */
class BlobCheck {
  readonly #read: (path: string) => Promise<Uint8Array | undefined>;
  /** By digest, what is wrong with it. */
  readonly #seen = new Map<string, string | undefined>();

  constructor(read: (path: string) => Promise<Uint8Array | undefined>) {
    this.#read = read;
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Few bundles have any: what marks a reference is looked for before the entries are read. */
  ofBundle(first: number, bytes: Uint8Array): readonly LogProblem[] | Promise<readonly LogProblem[]> {
    const marked = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"$sha256"');
    return marked ? this.#check(first, bytes) : none;
  }

  async #check(first: number, bytes: Uint8Array): Promise<readonly LogProblem[]> {
    const problems: LogProblem[] = [];
    let entry = first;
    for (const content of entriesOf(bytes)) {
      for (const reference of referencesIn(content)) {
        const path = `blob/${reference.$sha256}`;
        if (!this.#seen.has(path)) this.#seen.set(path, await this.#complaint(path, reference));
        const what = this.#seen.get(path);
        if (what !== undefined) problems.push({ path, entry, what });
      }
      entry++;
    }
    return problems;
  }

  async #complaint(path: string, { $sha256, size }: BlobReference): Promise<string | undefined> {
    if (!/^[0-9a-f]{64}$/.test($sha256)) return "is no name of a blob";
    const bytes = await this.#read(path);
    if (bytes === undefined) return "is missing, and the entry refers to it";
    if (bytes.length !== size) return `has ${bytes.length} bytes, and the entry says ${size}`;
    return hash("sha256", bytes, "hex") === $sha256 ? undefined : "its content does not hash to its name";
  }

  /** Blobs that no entry refers to. */
  strays(paths: Iterable<string>): readonly LogProblem[] {
    return [...paths].filter((path) => !this.#seen.has(path)).map((path) => ({ path, what: "no entry refers to it" }));
  }
}

const none: readonly LogProblem[] = [];

/** Another program's log may hold entries that are no JSON; they refer to no blobs. */
function referencesIn(content: Uint8Array): readonly BlobReference[] {
  try {
    return blobReferences(parseEntry(content));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return [];
    throw thrown;
  }
}

/** Files below a folder of the export, as their paths from its top. */
function filesBelow(directory: string, folder: string): readonly string[] {
  const top = join(directory, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((found) => !found.isDirectory())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)).replaceAll("\\", "/"));
}
