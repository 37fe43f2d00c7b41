// `taishi import`: takes in what other systems have written down already: cloud trail events, which become trail events of
// an account, and database audit files, which keep their id, name and times. The same audit file twice changes nothing; the
// same trail file does not within seven days, as long as idempotency keys are kept.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { TaishiError } from "../errors.ts";
import type { TrailEventInput } from "../event/schema.ts";
import { parseRfc3339 } from "../event/time.ts";
import { appendChunk } from "../flow/operation-names.ts";
import { awsCloudTrailEvents } from "../normalise/aws-cloudtrail.ts";
import { volcengineTrailEvents } from "../normalise/volcengine-trail.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import type { Terminal } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

const trailFormats = {
  "volcengine-trail": volcengineTrailEvents,
  "aws-cloudtrail": awsCloudTrailEvents,
} as const satisfies Record<string, (text: string) => Iterable<TrailEventInput>>;
const auditFileFormat = "huawei-audit-file";
const formats = [...Object.keys(trailFormats), auditFileFormat];

/** A decompressed trail file is held in memory whole. */
const mostBytes = 512 * 1024 * 1024;

interface ImportFlags extends DataFlags {
  readonly account: string;
  readonly format: string;
  readonly instance?: string;
  readonly id?: string;
  readonly name?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly json?: boolean;
}

export const importFile: Definition = (command, terminal) => {
  dataFlags(command)
    .argument("<file>", "plain, or gzip for trail events")
    .requiredOption("--account <id>", "account it goes to")
    .requiredOption("--format <format>", formats.join(", "))
    .option("--instance <id>", `${auditFileFormat}: the database instance`)
    .option("--id <id>", `${auditFileFormat}: the file's id; follows from its name when absent`)
    .option("--name <name>", `${auditFileFormat}: the file's name; that of the file given when absent`)
    .option("--begin <time>", `${auditFileFormat}: its begin; the first record's time when absent`)
    .option("--end <time>", `${auditFileFormat}: its end; the last record's time when absent`)
    .option(...jsonFlag)
    .action((file: string, flags: ImportFlags) =>
      flags.format === auditFileFormat ? importAuditFile(file, flags, terminal) : importTrail(file, flags, terminal),
    );
};

async function importTrail(file: string, flags: ImportFlags, terminal: Terminal): Promise<void> {
  const read = Object.hasOwn(trailFormats, flags.format)
    ? trailFormats[flags.format as keyof typeof trailFormats]
    : undefined;
  if (read === undefined) throw refusal("--format", `must be one of ${formats.join(", ")}`);
  const sent = readFileSync(file);
  const digest = createHash("sha256").update(sent).digest("hex");
  const isGzip = sent[0] === 0x1f && sent[1] === 0x8b;
  const text = (isGzip ? gunzipSync(sent, { maxOutputLength: mostBytes }) : sent).toString("utf8");
  const done = { account: flags.account, accepted: 0, duplicates: 0 };
  await withOperations(flags, { index: false }, async (operations) => {
    let lines: string[] = [];
    const flush = async (): Promise<void> => {
      if (lines.length === 0) return;
      const key = `import/${digest}/${done.accepted}`;
      const receipt = await operations.append({ account: flags.account, body: lines.join("\n"), key });
      done.accepted += receipt.accepted;
      done.duplicates += receipt.duplicates;
      lines = [];
      terminal.progress(`${done.accepted} events`);
    };
    for (const event of read(text)) {
      lines.push(JSON.stringify(event));
      if (lines.length === appendChunk) await flush();
    }
    await flush();
  });
  terminal.progress("");
  const there = done.duplicates === 0 ? "" : `, ${done.duplicates} of them were there already`;
  terminal.out(flags.json === true ? JSON.stringify(done) : `${done.accepted} events imported${there}`);
}

async function importAuditFile(file: string, flags: ImportFlags, terminal: Terminal): Promise<void> {
  const { account, instance, id } = flags;
  if (instance === undefined) throw refusal("--instance", `is needed for ${auditFileFormat}`);
  const path = resolve(file);
  if (!existsSync(path)) throw refusal("<file>", `there is no file ${path}`);
  const begin = time(flags.begin, "--begin");
  const end = time(flags.end, "--end");
  const outcome = await withOperations(flags, { index: true }, (operations) =>
    operations.importAuditFile({
      account,
      instance,
      path,
      name: flags.name ?? basename(path),
      ...(id === undefined ? {} : { id }),
      ...(begin === undefined ? {} : { begin }),
      ...(end === undefined ? {} : { end }),
    }),
  );
  const { file: imported, count, repeated } = outcome;
  terminal.out(
    flags.json === true
      ? JSON.stringify({ file: imported.id, name: imported.name, bytes: imported.bytes, statements: count, repeated })
      : `${imported.name}: ${count} statements, ${imported.bytes} bytes${repeated ? "; it was there already" : ""}`,
  );
}

/** RFC 3339, its offset with or without a colon as Huawei prints it. */
function time(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const read = parseRfc3339(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (read === undefined) throw refusal(flag, "must be an RFC 3339 time, e.g. 2019-11-06T09:03:34+08:00");
  return read;
}

function refusal(flag: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${flag}: ${why}`, { field: flag });
}
