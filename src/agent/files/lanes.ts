// Which files there are: the live ones that were named, and beside each those that it was rotated into, oldest first.
import { globSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";

export interface Lane {
  /** The live file's path: it need not be there. */
  readonly path: string;
  /** Paths of what it was rotated into, oldest first by when they were last written. */
  readonly rotated: readonly string[];
}

/** Endings of files that somebody is still making. */
const unfinished = /\.(?:part|tmp|temp|swp|lock|new|crdownload)$|~$/;
const rotation = /^[.-](?:[\w.:+-]*\d[\w:+-]*|old|bak|prev)(?:\.(?:gz|zst))?$/;

/** @param patterns absolute paths or globs */
export function findLanes(patterns: readonly string[]): readonly Lane[] {
  const named = new Set(patterns.flatMap((pattern) => (/[*?[{]/.test(pattern) ? globSync(pattern) : [pattern])));
  const paths = [...named].filter((path) => !unfinished.test(path)).sort();
  // A glob such as auth.log* names rotated files too: they are of the lane of the live one, where that was named.
  const live = paths.filter(
    (path) =>
      !paths.some((other) => other !== path && isRotationOf(basename(path), other) && dirname(path) === dirname(other)),
  );
  return live.map((path) => ({ path, rotated: rotatedFrom(path) }));
}

/** What a live file was rotated into, oldest first. */
export function rotatedFrom(path: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return []; // the folder is not there yet; the live file's own attempt tells why
  }
  return names
    .filter((name) => !unfinished.test(name) && isRotationOf(name, path))
    .flatMap((name) => {
      const found = join(dirname(path), name);
      const stat = statSync(found, { throwIfNoEntry: false, bigint: true });
      return stat?.isFile() === true ? [{ found, written: stat.mtimeNs }] : [];
    })
    .sort((a, b) => (a.written < b.written ? -1 : a.written > b.written ? 1 : a.found < b.found ? -1 : 1))
    .map(({ found }) => found);
}

/** auth.log.1, auth.log-20261121.gz; or violations-2026-11-21T10-00-00.000.log beside violations.log. */
function isRotationOf(name: string, livePath: string): boolean {
  const live = basename(livePath);
  if (name === live) return false;
  if (name.startsWith(live)) return rotation.test(name.slice(live.length));
  const ending = extname(live);
  const stem = live.slice(0, live.length - ending.length);
  if (ending === "" || !name.startsWith(`${stem}-`)) return false;
  const rest = name.slice(stem.length).replace(/\.(?:gz|zst)$/, "");
  return rest.endsWith(ending) && /^-\d[\w.:+-]*$/.test(rest.slice(0, -ending.length));
}
