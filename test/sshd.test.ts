// A real sshd on loopback, written down by a real rsyslog in its old and its ISO form, is logged into by real clients with a
// key, with a password, with a wrong one and as nobody. The agent follows the files, and Ark's stock client lists what was
// done: no more, no less.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type * as OpenApi from "@volcengine/openapi";
import { ensurePackages } from "./debian.ts";
import { freePort } from "./free-port.ts";
import { firstKey, TaishiProcess, taishi } from "./taishi-process.ts";

const { Service } = createRequire(import.meta.url)("@volcengine/openapi") as typeof OpenApi;
const packages = ensurePackages(["openssh-server", "openssh-client", "rsyslog"]);
const why = packages.missing ?? (process.getuid?.() === 0 ? undefined : "needs root: a user is made that can log in");
const port = await freePort();
const user = "taishi-test";
const password = "right-Password-1";
const imitation = "nobody from 192.0.2.66 port 5 ssh2";

let directory: string;
const running: ChildProcess[] = [];
let service: TaishiProcess;
let madeSocket = false;

function run(program: string, args: readonly string[], input = ""): void {
  const done = spawnSync(program, args, { encoding: "utf8", input });
  assert.equal(done.status, 0, `${program} ${args.join(" ")}: ${done.stderr}`);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 300, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

before(async () => {
  if (why !== undefined) return;
  directory = mkdtempSync(join(tmpdir(), "taishi-sshd-"));
  service = await TaishiProcess.serve({ data: join(directory, "data") });
  const socket = join(directory, "log.sock");
  writeFileSync(
    join(directory, "rsyslog.conf"),
    `global(workDirectory="${directory}")
module(load="imuxsock" SysSock.Use="on" SysSock.Name="${socket}")
action(type="omfile" file="${directory}/auth.log" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="${directory}/iso.log" template="RSYSLOG_FileFormat")
`,
  );
  const env = { ...process.env, TZ: "UTC" };
  running.push(
    spawn("rsyslogd", ["-n", "-f", join(directory, "rsyslog.conf"), "-i", join(directory, "rsyslog.pid")], {
      stdio: "ignore",
      env,
    }),
  );
  await until("rsyslogd did not start", () => existsSync(socket));
  // sshd knows no other place to write to.
  assert.ok(!existsSync("/dev/log"), "something else has /dev/log on this machine");
  symlinkSync(socket, "/dev/log");
  madeSocket = true;

  spawnSync("userdel", [user]);
  run("useradd", ["--no-create-home", "--home-dir", directory, "--shell", "/bin/sh", user]);
  run("chpasswd", [], `${user}:${password}\n`);
  run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "host")]);
  run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "key")]);
  run("chmod", ["755", directory]);
  mkdirSync("/run/sshd", { recursive: true });
  writeFileSync(
    join(directory, "sshd_config"),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${directory}/host
PidFile none
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
LogLevel VERBOSE
AuthorizedKeysFile ${directory}/key.pub
StrictModes no
`,
  );
  running.push(spawn("/usr/sbin/sshd", ["-D", "-f", join(directory, "sshd_config")], { stdio: "ignore", env }));
  const log = join(directory, "auth.log");
  await until("sshd did not start", () => existsSync(log) && readFileSync(log, "utf8").includes("Server listening"));
  writeFileSync(join(directory, "askpass"), '#!/bin/sh\necho "$GIVEN_PASSWORD"\n', { mode: 0o755 });
});

after(async () => {
  if (madeSocket) rmSync("/dev/log");
  for (const child of running) child.kill("SIGKILL");
  await service?.stop();
  if (directory === undefined) return;
  spawnSync("userdel", [user]);
  rmSync(directory, { recursive: true });
});

/** @returns whether the login was accepted */
function login(as: string, how: { readonly key?: true; readonly password?: string }): boolean {
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "NumberOfPasswordPrompts=1"];
  const method = how.key === true ? ["-i", join(directory, "key")] : ["-o", "PubkeyAuthentication=no"];
  const args = ["-p", String(port), ...options.flatMap((option) => ["-o", option]), ...method];
  const done = spawnSync("ssh", [...args, "-l", as, "127.0.0.1", "true"], {
    env: {
      ...process.env,
      SSH_ASKPASS: join(directory, "askpass"),
      SSH_ASKPASS_REQUIRE: "force",
      GIVEN_PASSWORD: how.password ?? "",
    },
    stdio: ["ignore", "ignore", "ignore"],
  });
  return done.status === 0;
}

test("what real clients did to a real sshd is what Ark's client lists, from both forms of its log", {
  skip: why ?? false,
}, async () => {
  const accepted = [
    ...Array.from({ length: 3 }, () => login(user, { key: true })),
    ...Array.from({ length: 2 }, () => login(user, { password })),
  ];
  assert.deepEqual(accepted, [true, true, true, true, true], "keys and right passwords");
  const refused = [
    ...Array.from({ length: 4 }, () => login(user, { password: "wrong" })),
    login("stranger", { password }),
    login(imitation, { password }),
  ];
  assert.ok(!refused.includes(true), "wrong passwords and strangers");
  const log = join(directory, "auth.log");
  await until("the last line was not written", () =>
    readFileSync(log, "utf8").includes(`Connection closed by invalid user ${imitation}`),
  );

  const key = firstKey(join(directory, "data"));
  writeFileSync(join(directory, "token"), key.token);
  for (const [file, resource] of [
    ["auth.log", "ep-old"],
    ["iso.log", "ep-iso"],
  ] as const) {
    const done = await taishi(
      "collect",
      "--once",
      ...["--source", "sshd", "--file", join(directory, file), "--resource", `endpoint/${resource}`],
      ...[
        "--server",
        service.url,
        "--token-file",
        join(directory, "token"),
        "--spool",
        join(directory, `spool-${resource}`),
      ],
      ...["--agent", resource],
    );
    assert.equal(done.code, 0, done.stderr);
    await compare(resource, readFileSync(join(directory, file), "utf8"), key);
  }
});

type Item = Record<"LogType" | "RiskLevel" | "Timestamp" | "LogDetail", string> & {
  readonly LogContents: readonly { readonly Key: string; readonly Value: string }[];
};

async function compare(resource: string, log: string, key: { accessKey: string; secretKey: string }): Promise<void> {
  const list = new Service({
    host: service.host,
    protocol: "http:",
    serviceName: "ark",
    region: "cn-beijing",
    defaultVersion: "2024-01-01",
    accessKeyId: key.accessKey,
    secretKey: key.secretKey,
  }).createJSONAPI("ListAuditLogs");
  const { Result } = (await list({
    ResourceId: resource,
    ResourceType: "endpoint",
    Filter: { LogType: "SshLogin" },
    PageSize: 100,
  })) as unknown as { Result: { TotalCount: number; Items: readonly Item[] } };
  const events = Result.Items.map(({ LogContents, RiskLevel, LogDetail }) => ({
    ...(Object.fromEntries(LogContents.map(({ Key, Value }) => [Key, Value])) as Record<string, string>),
    RiskLevel,
    LogDetail,
  })) as Record<string, string>[];
  const of = (result: string, more: Record<string, string> = {}): Record<string, string>[] =>
    events.filter(
      (event) => event.Result === result && Object.entries(more).every(([name, value]) => event[name] === value),
    );

  assert.equal(of("Accepted", { Method: "publickey", User: user }).length, 3);
  assert.equal(of("Accepted", { Method: "password", User: user }).length, 2);
  assert.equal(of("Accepted").length, 5, "nobody else came in");
  assert.equal(of("Failed", { Method: "password", User: user }).length, 4);
  // sshd tells such an attempt in two lines, which are one event.
  assert.equal(of("InvalidUser", { User: "stranger", Method: "password" }).length, 1);
  assert.equal(of("InvalidUser", { User: imitation, Method: "password" }).length, 1);
  assert.equal(of("InvalidUser").length, 2);
  assert.ok(
    events.every(({ SSH }) => !SSH?.includes("192.0.2.66")),
    "no address of the imitation's was believed",
  );
  const ends = log.matchAll(/Accepted \w+ for \S+ from ([\d.]+) port (\d+)/g);
  const expected = [...ends].map(([, address, from]) => `${address} ${from} 127.0.0.1 ${port}`);
  assert.deepEqual(
    of("Accepted")
      .map(({ SSH }) => SSH)
      .sort(),
    expected.sort(),
    "with the listener's address joined in",
  );
  for (const { LogDetail } of of("Failed")) assert.doesNotMatch(LogDetail ?? "", /登录安全沙箱容器的行为/);
  assert.ok(
    of("InvalidUser").every(({ RiskLevel }) => RiskLevel === "High"),
    "the fifth failure from one address within ten minutes raises the risk",
  );
}
