// Which paths are live files: those that the configuration names, and those that its patterns match and that are no rotated
// ones of another.
import { glob, lstat, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, matchesGlob, resolve } from "node:path";
import { isUnfinished, liveNamesOf } from "./rotated-name.ts";

const mostLinks = 40;

export interface LanePath {
  readonly path: string;
  /** Named as it is, so that it should be there. */
  readonly expected: boolean;
}

export class LanePaths {
  readonly #named: readonly string[];
  readonly #patterns: readonly string[];

  /** @param base what relative paths are meant from */
  constructor(paths: readonly string[], base: string) {
    const isPattern = (path: string): boolean => /[*?[\]{}]/.test(path);
    this.#named = paths.filter((path) => !isPattern(path)).map((path) => resolve(base, path));
    this.#patterns = paths.filter(isPattern).map((path) => resolve(base, path));
  }

  /**
   * In the order of the configuration, and of names.
   * @param before paths that were live files: they stay so while they are between two contents
   */
  async find(before: Iterable<string>): Promise<readonly LanePath[]> {
    const expected = new Set(this.#named);
    const found = new Set(this.#named);
    for (const pattern of this.#patterns) {
      const matched: string[] = [];
      // A name with brackets is first of all a name.
      if (await isThere(pattern)) matched.push(pattern);
      for await (const path of glob(pattern)) if (!isUnfinished(path)) matched.push(path);
      for (const path of matched.sort()) found.add(path);
      // A rotated file may be found while the live one is between two contents.
      for (const path of matched) for (const live of liveOf(path)) if (matchesGlob(live, pattern)) found.add(live);
    }
    const known = new Set(before);
    const live = new Set([...found, ...known]);
    for (const path of live) if (!known.has(path) && (await leadsTo(path, live))) live.delete(path);
    return [...live].filter((path) => !isRotatedOf(path, live)).map((path) => ({ path, expected: expected.has(path) }));
  }
}

/** Whether it is another name of one of these: a file is followed in one place, where it is rotated. */
async function leadsTo(path: string, live: ReadonlySet<string>): Promise<boolean> {
  const target = await targetOf(path);
  return target !== path && live.has(target);
}

/** Where a path leads to when all links are followed, be there a file or not. */
export async function targetOf(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links < mostLinks; links++) {
    const folder = await realpath(dirname(target)).catch(() => dirname(target));
    target = join(folder, basename(target));
    const next = await readlink(target).catch(() => undefined);
    if (next === undefined) return target;
    target = resolve(folder, next);
  }
  return path; // in a circle; reading it tells that
}

function isRotatedOf(path: string, live: ReadonlySet<string>): boolean {
  const names = liveNamesOf(basename(path)).filter(({ weak }) => !weak);
  return names.some(({ name }) => live.has(join(dirname(path), name)));
}

/** Live files that this surely is a rotated one of: NAME.log.1, NAME-20261121, but not worker-1. */
function liveOf(path: string): readonly string[] {
  const file = basename(path);
  return liveNamesOf(file)
    .filter(({ name, counter, weak }) => !weak && file.startsWith(name) && counter !== "")
    .filter(({ name, counter }) => /\.[A-Za-z]\w*$/.test(name) || counter.replace(/\D/g, "").length >= 8)
    .map(({ name }) => join(dirname(path), name));
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false; // then it is a pattern
  }
}
