// The repository's own files, as the house's rules see them: what a clone holds, not what npm or a build put beside it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** Folders that are not of the repository: installed, built, or the default data directory. */
const foreign = new Set([".git", "node_modules", "dist", "data", "coverage"]);

/** Paths of all files below a folder, from the root, with forward slashes, sorted. */
export function filesBelow(folder = ""): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !foreign.has(name))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}

export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** TypeScript that only tests load; it may reach across layers. */
export function isTestFile(path: string): boolean {
  return /\.(test|contract|test-support)\.ts$/.test(path);
}
