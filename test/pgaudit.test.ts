// A real PostgreSQL with pgaudit writes its log in all three forms. The agent follows each into an instance's log of its own,
// and TaurusDB's stock client finds the same statements in each: those that were made, with those that failed.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type pg from "pg";
import { findPrograms, type PostgresCluster, startPostgres } from "../bench/postgres-cluster.ts";
import { ensurePackages } from "./debian.ts";
import { BasicCredentials, downloadAuditLog, huaweiClient, listAuditLogs, readAuditFile } from "./huawei-client.ts";
import { firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

const packages = ensurePackages(["postgresql-15", "postgresql-15-pgaudit"]);
const inserts = 300;
const awkward = [
  "it''s",
  '"quoted", with a comma',
  "line\nbreak",
  "tab\there",
  "中文 😀",
  "a\r\nb",
  "AUDIT: SESSION,1,1,READ",
  "\\n",
];

let directory: string;
let cluster: PostgresCluster | undefined;
let service: TaishiProcess | undefined;

before(async () => {
  if (packages.missing !== undefined) return;
  directory = mkdtempSync(join(tmpdir(), "taishi-pgaudit-"));
  chmodSync(directory, 0o755);
  service = await TaishiProcess.serve({
    data: join(directory, "data"),
    arguments: ["--audit-file-bytes", "20000", "--audit-file-seconds", "1"],
  });
  const logs = join(directory, "logs");
  mkdirSync(logs);
  chmodSync(logs, 0o777);
  cluster = await startPostgres(findPrograms()!, tmpdir(), {
    shared_preload_libraries: "pgaudit",
    "pgaudit.log": "all",
    logging_collector: "on",
    log_destination: "stderr,csvlog,jsonlog",
    log_directory: logs,
    log_filename: "pg-%H%M%S.log",
    log_file_mode: "0644",
    log_rotation_size: "40kB",
    log_line_prefix: "%m [%p] %u@%d ",
    log_connections: "on",
    log_disconnections: "on",
    log_min_error_statement: "error",
  });
});

after(async () => {
  await cluster?.remove();
  await service?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

/** @returns the statements made, and those that failed with their SQLSTATE */
async function drive(client: pg.Client): Promise<{ done: string[]; failed: [sql: string, state: string][] }> {
  const done = ["create table t (id int primary key, s text)"];
  for (let i = 0; i < inserts; i++) done.push(`insert into t values (${i}, '${awkward[i % awkward.length]} ${i}')`);
  done.push("select *\n\tfrom t\nwhere id = 1");
  for (const sql of done) await client.query(sql);
  const failed: [string, string][] = [];
  for (const sql of ["select * from nope", "insert into t values (1, 'twice')"])
    await client.query(sql).catch((thrown: { code: string }) => failed.push([sql, thrown.code]));
  return { done, failed };
}

const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

interface DatabaseEvent {
  readonly time: string;
  readonly name: string;
  readonly sql?: string;
  readonly status?: string;
  readonly user?: string;
  readonly database?: string;
}

for (const [form, ending] of [
  ["stderr", "log"],
  ["csvlog", "csv"],
  ["jsonlog", "json"],
] as const)
  test(`what was done to a real PostgreSQL comes out of its ${form} log, statement for statement`, {
    skip: packages.missing ?? false,
  }, async () => {
    const client = await cluster!.connect();
    await client.query("drop table if exists t");
    const { done, failed } = await drive(client);
    await client.end();
    // The collector process writes them down by and by; what it has not written is not there to be read.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const logs = join(directory, "logs");
    assert.ok(readdirSync(logs).some((name) => name.endsWith(ending)) && existsSync(logs));

    const data = join(directory, "data");
    const { account, token, accessKey, secretKey } = firstKey(data);
    writeFileSync(join(directory, "token"), token);
    const where = ["--account", account, "--data", data];
    const { project } = await taishiJson<{ project: string }>("project", "create", "--name", `p-${form}`, ...where);
    const created = ["instance", "create", "--project", project, "--data", data];
    const { instance } = await taishiJson<{ instance: string }>(...created);
    const config = join(directory, `${form}.yaml`);
    writeFileSync(
      config,
      `agent: pg-${form}
server: ${service!.url}
token-file: token
spool: spool-${form}
sources:
  - name: pg
    source: pgaudit
    input: { files: ["${logs}/*.${ending}"] }
    options: { form: ${form}${form === "stderr" ? ', prefix: "%m [%p] %u@%d "' : ""} }
resources:
  default: { type: instance, id: ${instance} }
`,
    );
    const collected = await taishi("collect", "--once", "--config", config);
    assert.equal(collected.code, 0, collected.stderr);

    const events: DatabaseEvent[] = [];
    for (let cursor = ""; ; ) {
      const query = `kind=database&resourceType=instance&resourceId=${instance}&order=asc&limit=1000${cursor}`;
      const answer = await fetch(`${service!.url}/api/v1/events?${query}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(answer.status, 200);
      const page = (await answer.json()) as { events: DatabaseEvent[]; next: string | null };
      events.push(...page.events);
      if (page.next === null) break;
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
    // By their times. A message that ends a file is told when no line of it can follow, behind what the next file begins with
    // in the same millisecond; between files of names of their own no order is promised (docs/sources/files.md).
    const place = ({ sql = "" }: DatabaseEvent): number => (done.includes(sql) ? done.indexOf(sql) : done.length);
    events.sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || place(a) - place(b));

    // TaurusDB's own client lists and downloads the same, once the last file of them is closed. Files are listed by their first
    // second, which tells no order between statements of one second: the order was looked at above.
    const cloud = huaweiClient(
      new BasicCredentials().withAk(accessKey).withSk(secretKey).withProjectId(project),
      (builder) => builder.withEndpoint(service!.url),
    );
    let records: string[][] = [];
    for (let tries = 0; records.length < events.length; tries++) {
      assert.ok(tries < 60, `${records.length} of ${events.length} events are in closed files`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const files = await listAuditLogs(cloud, instance);
      records = (await Promise.all(files.map(({ id }) => downloadAuditLog(cloud, instance, id)))).flatMap(
        readAuditFile,
      );
    }
    assert.deepEqual(
      records
        .map(([, , status, name, , , sql, user, , , , database]) => ({ name, status, sql, user, database }))
        .sort(byText),
      events
        .map(({ name, status = "", sql = "", user = "", database = "" }) => ({ name, status, sql, user, database }))
        .sort(byText),
    );

    const own = events.filter(({ database, user }) => database === "postgres" && user === "postgres");
    const queries = own.filter(({ sql }) => sql !== undefined);
    // Earlier rounds of this test are in the same log: the last one is asked for.
    const begin = queries.findLastIndex(({ sql }) => sql === done[0]);
    const told = queries.slice(begin);
    assert.deepEqual(
      told.filter(({ status }) => status === "0").map(({ sql }) => sql),
      // pgaudit writes before a statement runs: one that fails then is there twice, the second time with why.
      [...done, failed[1]![0]],
    );
    assert.deepEqual(
      told.filter(({ status }) => status !== "0").map(({ sql, status }) => [sql, status]),
      // The stderr form does not tell a failure's SQLSTATE unless the prefix asks for it.
      failed.map(([sql, state]) => [sql, form === "stderr" ? "ERROR" : state]),
    );
    assert.ok(own.some(({ name }) => name === "Connect") && own.some(({ name }) => name === "Quit"));
  });
