// `taishi verify`: checks a proof, an exported log, a backup or a checkpoint with nothing but a key. Needs no data directory, no
// network and no server, and writes nothing. Exit code 0: verified; 1: not; 2: the command line itself is wrong.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { InvalidArgumentError } from "commander";
import { manifestName } from "../backup/backup-files.ts";
import { TaishiError } from "../errors.ts";
import { sha256 } from "../ledger/signer.ts";
import { parseVerifierKey, toBase64, type VerifierKey } from "../merkle/note.ts";
import { type Policy, parsePolicy } from "../merkle/policy.ts";
import type { Terminal } from "./terminal.ts";
import { openCheckpoint, signerFacts, type Trust, trustOf } from "./trust.ts";
import { type Definition, jsonFlag } from "./verb.ts";
import { failed, NotVerified, toJson, toLines, type Verdict } from "./verdict.ts";
import { verifyBackup } from "./verify-backup.ts";
import { verifyExport } from "./verify-export.ts";
import { verifyProofFile } from "./verify-proof.ts";

interface VerifyFlags {
  readonly key: readonly VerifierKey[];
  readonly policy?: string;
  readonly checkpoint?: readonly string[];
  readonly json?: boolean;
}

interface Subject {
  readonly path: string;
  readonly isDirectory: boolean;
  /** The first bytes of a file; nothing of a directory. */
  readonly beginning: string;
}

/** What can be verified: how it is recognised, and who looks at it. The first that fits is taken. */
interface Kind {
  readonly name: string;
  /** Flags that mean something for it. */
  readonly takes: readonly ("policy" | "checkpoint")[];
  readonly fits: (subject: Subject) => boolean;
  readonly verify: (
    path: string,
    trust: Trust,
    kept: readonly string[],
    terminal: Terminal,
  ) => Verdict | Promise<Verdict>;
}

const kinds: readonly Kind[] = [
  {
    name: "proof",
    takes: ["policy"],
    fits: ({ beginning }) => beginning.startsWith("c2sp.org/tlog-proof@"),
    verify: (path, trust) => verifyProofFile(path, trust),
  },
  {
    name: "export",
    takes: ["policy", "checkpoint"],
    fits: ({ path, isDirectory }) => isDirectory && existsSync(join(path, "checkpoint")),
    verify: verifyExport,
  },
  {
    name: "backup",
    takes: [],
    fits: ({ path, isDirectory }) => isDirectory && existsSync(join(path, manifestName)),
    verify: (path, trust, _kept, terminal) => verifyBackup(path, trust, terminal),
  },
  {
    name: "checkpoint",
    takes: ["policy"],
    // Origin, size, root.
    fits: ({ beginning }) => /^[^\n]+\n\d+\n[A-Za-z0-9+/]+=*\n/.test(beginning),
    verify: verifyCheckpointFile,
  },
];

export const verify: Definition = (command, terminal) => {
  command
    .argument("<file>", "a .tlog-proof, a directory written by `taishi log export` or `taishi backup`, or a checkpoint")
    .requiredOption(
      "--key <vkey>",
      "the log's key, name+hash+base64; again for a cosigner's, to check its times",
      (text: string, before: readonly VerifierKey[] = []) => [...before, readKey(text)],
    )
    .option("--policy <file>", "a tlog-policy: the witnesses whose cosignatures there must be")
    .option(
      "--checkpoint <file>",
      "of an export: a checkpoint kept from before, which must be of its beginning; repeatable",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option(...jsonFlag)
    .action(async (path: string, flags: VerifyFlags) => {
      const wrong = (what: string): never => command.error(`error: ${what}`, { exitCode: 2 });
      const kept = flags.checkpoint ?? [];
      for (const file of [path, ...kept, ...(flags.policy === undefined ? [] : [flags.policy])])
        if (!existsSync(file)) throw new TaishiError("not-found", `there is no file or directory ${file}`);
      const policy = flags.policy === undefined ? undefined : readPolicy(flags.policy, wrong);
      const trust = trustOf(flags.key, policy);
      if (trust.logKeys.length === 0) wrong("option '--key <vkey>': none of the keys is a log's");
      const kind = recognise(path);
      for (const name of ["policy", "checkpoint"] as const)
        if (flags[name] !== undefined && kind !== undefined && !kind.takes.includes(name))
          wrong(`option '--${name} <file>' is not for a ${kind.name}`);
      const verdict = await judge(path, kind, trust, kept, terminal);
      terminal.progress("");
      if (flags.json === true) terminal.out(toJson(verdict));
      else for (const line of toLines(verdict)) terminal.out(line);
      process.exitCode = verdict.problemCount === 0 ? 0 : 1;
    });
};

function readPolicy(path: string, wrong: (what: string) => never): Policy {
  try {
    return parsePolicy(sha256, readFileSync(path, "utf8"));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return wrong(`option '--policy <file>': ${path}: ${thrown.message}`);
    throw thrown;
  }
}

function recognise(path: string): Kind | undefined {
  const isDirectory = statSync(path).isDirectory();
  const subject = { path, isDirectory, beginning: isDirectory ? "" : beginningOf(path) };
  return kinds.find(({ fits }) => fits(subject));
}

async function judge(
  path: string,
  kind: Kind | undefined,
  trust: Trust,
  kept: readonly string[],
  terminal: Terminal,
): Promise<Verdict> {
  try {
    if (kind !== undefined) return await kind.verify(path, trust, kept, terminal);
    const what = statSync(path).isDirectory()
      ? "the directory has no file `checkpoint` and no `backup.json`: it is no exported log and no backup, or that file is missing"
      : "line 1 is not c2sp.org/tlog-proof@v1, and it is no checkpoint either";
    throw new NotVerified({ path, what });
  } catch (thrown) {
    if (thrown instanceof NotVerified) return failed(kind?.name ?? "unknown", thrown);
    throw thrown;
  }
}

function verifyCheckpointFile(path: string, trust: Trust): Verdict {
  const opened = openCheckpoint(readFileSync(path, "utf8"), trust, { path });
  const { origin, size, root } = opened.checkpoint;
  const data = {
    origin,
    size,
    root: toBase64(root),
    keyId: opened.keyId,
    cosigners: opened.cosigners,
    quorum: opened.quorum ? true : null,
  };
  return {
    kind: "checkpoint",
    problems: [],
    problemCount: 0,
    claim: `the log ${origin} signed for ${size} entries with the root ${toBase64(root)}`,
    facts: signerFacts(opened),
    data,
  };
}

function beginningOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(512);
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file);
  }
}

function readKey(text: string): VerifierKey {
  try {
    return parseVerifierKey(sha256, text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new InvalidArgumentError(`${thrown.message}.`);
    throw thrown;
  }
}
