// Small files that must survive a power cut whole: written beside, fsynced, renamed, the directory fsynced.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Replaces the file's content in one step; afterwards it is the new content or, after a crash before, the old. */
export function writeFileDurably(path: string, content: string | Uint8Array, mode: number): void {
  replaceFile(path, content, mode);
  syncDirectory(dirname(path));
}

/** The same without the last step: a power cut may leave the old content until the directory is synced, never a part of it. */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true }); // one left by a crash may have another mode
  const file = openSync(beside, "wx", mode);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
}

/** Makes what was written to a file durable. */
export function syncFile(path: string): void {
  const file = openSync(path, "r"); // enough to sync, and all there is of a read-only file
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes creations, renames and deletions in a directory durable. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Creates a directory, only for its owner, with its missing parents, so that it outlasts a power cut. */
export function makePrivateDirectory(path: string): void {
  const topmost = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  for (let made = resolve(path); ; made = dirname(made)) {
    syncDirectory(dirname(made));
    if (made === resolve(topmost)) return;
  }
}

/** The file's text, or undefined where there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
}
