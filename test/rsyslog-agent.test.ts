// A real rsyslog forwards what it is given over TLS to the agent's syslog listener: every message is in the log once.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ensurePackages } from "./debian.ts";
import { freePort } from "./free-port.ts";
import { firstKey, TaishiProcess } from "./taishi-process.ts";

const packages = ensurePackages(["rsyslog", "rsyslog-gnutls", "openssl"]);
const messages = 2_000;

let directory: string;
let service: TaishiProcess | undefined;
let agent: TaishiProcess | undefined;
let rsyslog: ChildProcess | undefined;

before(async () => {
  if (packages.missing !== undefined) return;
  directory = mkdtempSync(join(tmpdir(), "taishi-rsyslog-"));
  service = await TaishiProcess.serve({ data: join(directory, "data") });
});

after(async () => {
  rsyslog?.kill("SIGKILL");
  await agent?.stop();
  await service?.stop();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

function certificates(): void {
  const openssl = (...args: string[]): void => {
    const done = spawnSync("openssl", args, { cwd: directory, encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
  };
  const key = ["-newkey", "rsa:2048", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2");
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(join(directory, "san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-out",
    "server.pem",
    "-days",
    "2",
    "-extfile",
    "san",
  );
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 600, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("what rsyslog forwards over TLS is in the log, each message once, in order", {
  skip: packages.missing ?? false,
}, async () => {
  certificates();
  const [listen, inlet] = [await freePort(), await freePort()];
  const { token } = firstKey(join(directory, "data"));
  writeFileSync(join(directory, "token"), token);
  writeFileSync(
    join(directory, "agent.yaml"),
    `agent: hub
server: ${service!.url}
token-file: token
spool: spool
sources:
  - name: remote
    source: sshd
    input: { syslog: { listen: "tls://127.0.0.1:${listen}", cert: server.pem, key: server.key } }
resources:
  default: { type: endpoint, id: ep-remote }
`,
  );
  agent = await TaishiProcess.collect({
    arguments: ["--config", join(directory, "agent.yaml"), "--log-level", "warn"],
  });
  writeFileSync(
    join(directory, "rsyslog.conf"),
    `global(workDirectory="${directory}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${directory}/ca.pem")
module(load="imtcp")
input(type="imtcp" port="${inlet}" address="127.0.0.1")
action(type="omfwd" target="127.0.0.1" port="${listen}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"
  StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"
  TCP_Framing="octet-counted" action.resumeRetryCount="-1"
  queue.type="LinkedList" queue.size="100000")
`,
  );
  rsyslog = spawn("rsyslogd", ["-n", "-f", join(directory, "rsyslog.conf"), "-i", join(directory, "rsyslog.pid")], {
    stdio: "ignore",
  });
  await until("rsyslogd did not start", () => existsSync(join(directory, "rsyslog.pid")));
  const inlets = async () =>
    new Promise<ReturnType<typeof connect> | undefined>((resolve) => {
      const socket = connect(inlet, "127.0.0.1", () => resolve(socket));
      socket.on("error", () => resolve(undefined));
    });
  let socket: ReturnType<typeof connect> | undefined;
  await until("rsyslogd does not listen", async () => {
    socket = await inlets();
    return socket !== undefined;
  });
  for (let i = 0; i < messages; i++)
    socket!.write(
      `<38>Nov 20 10:00:00 node-${i % 3} sshd[${i + 1}]: Failed password for user${i} from 192.0.2.7 port ${1024 + i} ssh2\n`,
    );
  socket!.end();

  const list = async (query: string) => {
    const answer = await fetch(`${service!.url}/api/v1/events?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 200);
    return (await answer.json()) as {
      total: number;
      events: { seq: number; contents: { key: string; value: string }[] }[];
    };
  };
  const query = "resourceType=endpoint&resourceId=ep-remote&type=SshLogin";
  await until("the messages did not come", async () => (await list(`${query}&limit=1`)).total >= messages);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const users: [number, string][] = [];
  for (let page = 1; users.length < messages; page++) {
    const { events } = await list(`${query}&limit=1000&page=${page}`);
    assert.ok(events.length > 0, `only ${users.length} events`);
    for (const { seq, contents } of events) users.push([seq, contents.find(({ key }) => key === "User")?.value ?? ""]);
  }
  assert.equal((await list(`${query}&limit=1`)).total, messages);
  assert.deepEqual(
    users.sort(([a], [b]) => a - b).map(([, user]) => user),
    Array.from({ length: messages }, (_, i) => `user${i}`),
  );
});
