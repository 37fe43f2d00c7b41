// Debian packages that tests and the bench need for real components (a database to compare with, a browser, a daemon).
// Installs what is missing only where that is safe to assume: as root on Debian, saying so. Elsewhere it gives the reason
// a test is skipped with. Never removes or upgrades anything.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export type Packages =
  | { readonly ready: true; readonly missing: undefined }
  /** `missing` is a sentence: the reason a test is skipped with. */
  | { readonly ready: false; readonly missing: string };

/** How long dpkg may wait for another process that installs something, e.g. another test file. */
const lockTimeoutSeconds = 600;

/**
 * Whether the packages are there, after an attempt to install those that are not.
 * Use: `const db = ensurePackages(["postgresql"]); test("…", { skip: db.missing ?? false }, …)`.
 */
export function ensurePackages(names: readonly string[]): Packages {
  const ready: Packages = { ready: true, missing: undefined };
  if (!existsSync("/etc/debian_version"))
    return { ready: false, missing: `needs the Debian packages ${names.join(" ")}; this is not Debian` };
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return ready;
  if (process.getuid?.() !== 0)
    return { ready: false, missing: `not installed: ${missing.join(" ")} (apt-get install, or run as root)` };

  process.stderr.write(`installing Debian packages: ${missing.join(" ")}\n`);
  let failure = install(missing);
  if (failure !== undefined) {
    process.stderr.write("apt-get update\n");
    failure = aptGet(["update"]) ?? install(missing);
  }
  const still = missing.filter((name) => !isInstalled(name));
  if (still.length === 0) return ready;
  return { ready: false, missing: `apt-get could not install ${still.join(" ")}: ${failure ?? "no reason given"}` };
}

function isInstalled(name: string): boolean {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
  const asked = spawnSync("dpkg-query", ["--show", "--showformat=${db:Status-Status}", name], { encoding: "utf8" });
  return asked.status === 0 && asked.stdout === "installed";
}

function install(names: readonly string[]): string | undefined {
  return aptGet(["install", "--yes", "--no-install-recommends", ...names]);
}

/** The last line apt-get complained with, or undefined where it succeeded. */
function aptGet(args: readonly string[]): string | undefined {
  const done = spawnSync("apt-get", ["-o", `DPkg::Lock::Timeout=${lockTimeoutSeconds}`, "--quiet", ...args], {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (done.error !== undefined) return done.error.message;
  if (done.status === 0) return undefined;
  return done.stderr.trim().split("\n").at(-1) || `exit code ${done.status}`;
}
