// The console as it was built, beside the program: console/dist in a clone and in the installed package.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Its files by their path below the folder; none where it was not built. */
export function readConsole(): ReadonlyMap<string, Uint8Array> {
  const folder = join(import.meta.dirname, "../../console/dist");
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path).split(sep).join("/"), readFileSync(path)];
    }),
  );
}
