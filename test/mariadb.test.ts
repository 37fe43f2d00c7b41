// A real MariaDB with its server_audit plugin, which rotates its log, is driven with more than ten thousand statements. The
// agent follows what it writes down into an instance's log, that closes into audit files, is listed and downloaded through TaurusDB's API, and the downloaded
// text holds the same statements in the same order.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ensurePackages } from "./debian.ts";
import {
  type AuditLog,
  BasicCredentials,
  downloadAuditLog,
  huaweiClient,
  listAuditLogs,
  readAuditFile,
} from "./huawei-client.ts";
import { type Credentials, TaishiProcess, taishiJson } from "./taishi-process.ts";

const packages = ensurePackages(["mariadb-server"]);
const statements = 10_000;

let directory: string;
let database: ChildProcess | undefined;
let service: TaishiProcess | undefined;
let agent: TaishiProcess | undefined;

before(async () => {
  if (packages.missing !== undefined) return;
  directory = mkdtempSync(join(tmpdir(), "taishi-mariadb-"));
  service = await TaishiProcess.serve({
    data: join(directory, "taishi"),
    arguments: ["--audit-file-bytes", "400000", "--audit-file-seconds", "2"],
  });
});

after(async () => {
  database?.kill("SIGKILL");
  await agent?.stop();
  await service?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

const socket = (): string => join(directory, "sock");
const auditLog = (): string => join(directory, "audit.log");

async function startDatabase(): Promise<void> {
  const data = join(directory, "db");
  mkdirSync(data);
  const made = spawnSync(
    "mariadb-install-db",
    ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--user=root", "--skip-test-db"],
    { encoding: "utf8" },
  );
  assert.equal(made.status, 0, made.stderr);
  database = spawn(
    "mariadbd",
    [
      "--no-defaults",
      "--user=root",
      `--datadir=${data}`,
      `--socket=${socket()}`,
      `--pid-file=${join(directory, "pid")}`,
      "--skip-networking",
      "--innodb-flush-log-at-trx-commit=0",
      "--plugin-load-add=server_audit",
      "--server-audit-logging=ON",
      "--server-audit-events=QUERY",
      `--server-audit-file-path=${auditLog()}`,
      "--server-audit-query-log-limit=1000000",
      "--server-audit-file-rotate-size=300000",
      "--server-audit-file-rotations=50",
    ],
    { stdio: "ignore", env: { ...process.env, TZ: "UTC" } },
  );
  for (let tries = 0; ; tries++) {
    if (client("select 1").status === 0) return;
    assert.ok(tries < 300, "the database did not start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function client(sql: string) {
  return spawnSync("mariadb", ["--no-defaults", `--socket=${socket()}`, "-uroot", "--default-character-set=utf8mb4"], {
    input: sql,
    encoding: "utf8",
  });
}

interface Statement {
  readonly time: string;
  readonly user: string;
  readonly host: string;
  readonly connection: string;
  readonly record: string;
  readonly database: string;
  readonly sql: string;
  readonly status: string;
}

/** A QUERY line of server_audit; the names in this test hold no comma. */
function readAuditLine(line: string): Statement | undefined {
  const match = /^(\d{4})(\d\d)(\d\d) ([\d:]{8}),[^,]*,([^,]*),([^,]*),(\d+),(\d+),QUERY,([^,]*),'(.*)',(\d+)$/s.exec(
    line,
  );
  if (match === null) return undefined;
  const [, year, month, day, clock, user, host, connection, record, name, sql, status] = match as unknown as string[];
  const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", f: "\f" };
  return {
    time: `${year}-${month}-${day}T${clock}Z`,
    user: user!,
    host: host!,
    connection: connection!,
    record: record!,
    database: name!,
    sql: sql!.replace(/\\(.)/gs, (_, escaped: string) => escapes[escaped] ?? escaped),
    status: status!,
  };
}

const awkward = ["it''s", '"quoted"', "back\\\\slash", "line\nbreak", "tab\there", "中文 😀", "a, b", "\r\nx"];

function workload(from: number, to: number): void {
  const lines = ["create database if not exists shop character set utf8mb4;", "use shop;"];
  lines.push("create table if not exists t (id int primary key, s text);");
  for (let i = from; i < to; i++) lines.push(`insert into t values (${i}, '${awkward[i % awkward.length]} ${i}');`);
  const { stderr } = client(lines.join("\n"));
  assert.equal(stderr, "");
}

/** The audit log with those that the server rotated, oldest first. */
function auditLogs(): readonly string[] {
  const rotated = readdirSync(directory)
    .map((name) => /^audit\.log\.(\d+)$/.exec(name)?.[1])
    .filter((number) => number !== undefined);
  return [...rotated.sort((a, b) => Number(b) - Number(a)).map((number) => `${auditLog()}.${number}`), auditLog()];
}

test("what a real MariaDB audits comes back statement for statement from the listed files", {
  skip: packages.missing ?? false,
}, async () => {
  await startDatabase();
  const taishiData = join(directory, "taishi");
  const { account } = await taishiJson<{ account: string }>(
    "account",
    "create",
    "--name",
    "shop",
    "--data",
    taishiData,
  );
  const where = ["--account", account, "--data", taishiData];
  const keys = await taishiJson<Credentials>("key", "create", "--role", "admin", ...where);
  const { project } = await taishiJson<{ project: string }>("project", "create", "--name", "eu-de", ...where);
  const { instance } = await taishiJson<{ instance: string }>(
    "instance",
    "create",
    "--project",
    project,
    "--data",
    taishiData,
  );
  writeFileSync(join(directory, "token"), keys.token);
  writeFileSync(
    join(directory, "agent.yaml"),
    `agent: db-1
server: ${service!.url}
token-file: token
spool: spool
sources:
  - name: audit
    source: mariadb-audit
    input: { files: [${auditLog()}] }
resources:
  default: { type: instance, id: ${instance} }
`,
  );
  // Started in the middle: what was rotated before it is found, and what comes after it is followed.
  workload(0, statements / 2);
  agent = await TaishiProcess.collect({
    arguments: ["--config", join(directory, "agent.yaml"), "--log-level", "error"],
  });
  workload(statements / 2, statements);
  const { stderr } = client("use shop; select count(*) from t; select * from nope;");
  assert.match(stderr, /doesn't exist/);

  // The server writes a statement down after it has answered it.
  const written = (): string =>
    auditLogs()
      .map((file) => readFileSync(file, "utf8"))
      .join("");
  for (let tries = 0; !written().includes("select * from nope"); tries++) {
    assert.ok(tries < 300, "the last statement was not written down");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(auditLogs().length > 3, "the server rotated its log");
  const audited = written().trimEnd().split("\n").map(readAuditLine);
  assert.ok(
    audited.every((statement) => statement !== undefined),
    "every line of the audit log was read",
  );
  const own = audited as Statement[];
  assert.ok(own.length >= statements + 4, `${own.length} statements`);
  assert.ok(
    own.some(({ sql, status }) => sql === "select * from nope" && status === "1146"),
    "the failed statement is among them",
  );

  const cloud = huaweiClient(
    new BasicCredentials().withAk(keys.accessKey).withSk(keys.secretKey).withProjectId(project),
    (builder) => builder.withEndpoint(service!.url),
  );
  let records: string[][] = [];
  let files: readonly AuditLog[] = [];
  for (let tries = 0; records.length < own.length; tries++) {
    assert.ok(tries < 60, `${records.length} of ${own.length} statements are in ${files.length} closed files`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    files = await listAuditLogs(cloud, instance);
    const texts = await Promise.all(files.map(({ id }) => downloadAuditLog(cloud, instance, id)));
    records = texts.flatMap(readAuditFile);
  }
  assert.ok(files.length > 1, "the stream is more than one file");
  // Files are listed by their begin, which for statements of one second may not be their order; records tell it.
  const byRecord = records.toSorted((a, b) => Number(a[0]) - Number(b[0]));
  assert.deepEqual(
    byRecord.map(([record, connection, status, name, , , sql, user, , , , base_]) => [
      record,
      connection,
      status,
      name,
      sql,
      user,
      base_,
    ]),
    own
      .toSorted((a, b) => Number(a.record) - Number(b.record))
      .map(({ record, connection, status, sql, user, database: name }) => [
        record,
        connection,
        status,
        "Query",
        sql,
        user,
        name,
      ]),
  );
  assert.equal(
    await downloadAuditLog(cloud, instance, files[0]!.id),
    await downloadAuditLog(cloud, instance, files[0]!.id),
    "byte for byte the same each time",
  );
});
