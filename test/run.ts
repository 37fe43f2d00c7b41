// What `npm test` runs: node's own test runner over the tests beside the code (src/**/*.test.ts) and the house's rules
// (test/**/*.test.ts), each file in its own process, as many at once as there are cores. Owns the exit code: not zero on
// a failure, on no test at all, and in CI (CI=true) on a skipped one, because there a skip hides what was to be shown.
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, sep } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";

const usage = `usage: npm test -- [PART-OF-A-PATH …] [--test-name-pattern=REGEXP …] [--test-skip-pattern=REGEXP …] [--test-only]
`;
/** A file that is not done by then hangs. */
const fileTimeoutMs = 15 * 60_000;

const root = join(import.meta.dirname, "..");
const inCi = process.env.CI === "true";

function options(): { parts: readonly string[]; names: string[]; skips: string[]; only: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "test-name-pattern": { type: "string", multiple: true },
      "test-skip-pattern": { type: "string", multiple: true },
      "test-only": { type: "boolean" },
    },
  });
  return {
    parts: positionals,
    names: values["test-name-pattern"] ?? [],
    skips: values["test-skip-pattern"] ?? [],
    only: values["test-only"] ?? false,
  };
}

/** The test files whose path, from the root and with forward slashes, holds one of the parts. */
function testFiles(parts: readonly string[]): string[] {
  const wanted = parts.map((part) => relative(root, join(root, part)).split(sep).join("/"));
  return ["src/**/*.test.ts", "test/**/*.test.ts"]
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .map((path) => path.split(sep).join("/"))
    .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
    .sort();
}

function start(): void {
  let chosen: ReturnType<typeof options>;
  try {
    chosen = options();
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const files = testFiles(chosen.parts);
  if (files.length === 0) {
    process.stderr.write(`no test file matches ${chosen.parts.join(" ")}\n`);
    process.exitCode = 1;
    return;
  }
  const concurrency = availableParallelism();
  process.stdout.write(`node ${process.version} --test, ${files.length} files, ${concurrency} at once\n`);
  if (chosen.parts.length > 0) process.stdout.write(`${files.map((file) => `  ${file}`).join("\n")}\n`);

  // As in ./taishi: the test files, and the programs they start, need not be compiled anew each time.
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/taishi");
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const events = run({
    files: files.map((file) => join(root, file)),
    cwd: root,
    concurrency,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    timeout: fileTimeoutMs,
    only: chosen.only,
    signal: interrupted.signal,
    ...(chosen.names.length > 0 ? { testNamePatterns: chosen.names } : {}),
    ...(chosen.skips.length > 0 ? { testSkipPatterns: chosen.skips } : {}),
  });
  let ran = 0;
  let failed = 0;
  const skipped: string[] = [];
  events.on("test:pass", (data) => {
    // A file without a test (that matches) is reported as one test named by its path.
    if (data.details.type !== "suite" && data.name !== data.file) ran++;
    const reason = data.skip ?? data.todo;
    if (reason !== undefined && reason !== false)
      skipped.push(
        `${relative(root, data.file ?? "")}: ${data.name}${typeof reason === "string" ? ` – ${reason}` : ""}`,
      );
  });
  events.on("test:fail", (data) => {
    if (data.todo === undefined || data.todo === false) failed++;
  });
  events.on("end", () => {
    if (failed > 0 || interrupted.signal.aborted) process.exitCode = 1;
    if (ran === 0 && failed === 0) {
      process.exitCode = 1;
      process.stderr.write("no test ran\n");
    }
    if (inCi && skipped.length > 0) {
      process.exitCode = 1;
      process.stderr.write(`in CI a skipped test is a failure:\n${skipped.map((line) => `  ${line}`).join("\n")}\n`);
    }
  });
  events.compose(new spec()).pipe(process.stdout);
}

start();
