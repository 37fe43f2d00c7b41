// A real rsyslogd forwards to the agent's syslog listener over TLS, each side knowing the other by its certificate: every
// message arrives, once and in order, in both framings, and what `logger` writes into its socket too.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Value } from "typebox/value";
import { eventually, HandedOver } from "../src/agent/handed-over.test-support.ts";
import { SyslogInput } from "../src/agent/syslog/syslog-input.ts";
import { syslogSchema } from "../src/agent/syslog/syslog-options.ts";
import { systemClock } from "../src/clock.ts";
import { first, second } from "../src/server/certificates.test-support.ts";
import { ensurePackages } from "./debian.ts";

const packages = ensurePackages(["rsyslog", "rsyslog-gnutls", "bsdutils"]);
const lines = 20_000;
const long = `long ${"太史".repeat(1_000)}`;

const directory = mkdtempSync(join(tmpdir(), "taishi-rsyslog-"));
let forwarder: ChildProcess | undefined;
after(() => {
  forwarder?.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

function file(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function configuration(port: number): string {
  const forward = (framing: string, template: string): string => `
action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp" TCP_Framing="${framing}" template="${template}"
  StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="first"
  action.resumeRetryCount="-1" queue.type="LinkedList" queue.size="100000")`;
  return `global(workDirectory="${directory}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
  DefaultNetstreamDriverCAFile="${file("ca.pem", first.cert)}"
  DefaultNetstreamDriverCertFile="${file("client.pem", second.cert)}"
  DefaultNetstreamDriverKeyFile="${file("client.key", second.key)}")
module(load="imfile")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${join(directory, "log")}" CreatePath="on" RateLimit.Interval="0" UseSpecialParser="off")
input(type="imfile" File="${join(directory, "auth.log")}" Tag="sshd[7]:" Facility="authpriv" Severity="info")
${forward("octet-counted", "RSYSLOG_SyslogProtocol23Format")}
${forward("traditional", "RSYSLOG_TraditionalForwardFormat")}
`;
}

test("rsyslog forwards over TLS: every message arrives once, in both framings", {
  skip: packages.missing ?? false,
}, async () => {
  const options = Value.Default(syslogSchema, {
    listen: "tls://127.0.0.1:0",
    cert: file("server.pem", first.cert),
    key: file("server.key", first.key),
    "client-ca": file("client-ca.pem", second.cert),
  });
  assert.ok(Value.Check(syslogSchema, options));
  const input = new SyslogInput(options, systemClock);
  const agent = new HandedOver();
  agent.start(input);
  await eventually(
    () => input.port !== undefined,
    () => "it does not listen",
  );

  const message = (n: number): string =>
    n === 77 ? long : `Accepted publickey for "user ${n}" from 192.0.2.${n % 256}, 'ok'`;
  file("auth.log", Array.from({ length: lines }, (_, n) => `${message(n)}\n`).join(""));
  const config = file("rsyslog.conf", configuration(input.port!));
  forwarder = spawn("rsyslogd", ["-n", "-f", config, "-i", join(directory, "pid")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  for (const output of [forwarder.stdout!, forwarder.stderr!]) output.on("data", (piece: Buffer) => (told += piece));

  await eventually(
    () => existsSync(join(directory, "log")),
    () => `rsyslogd does not start: ${told}`,
  );
  await eventually(
    () => agent.records.length >= 2 * lines,
    () => `${agent.records.length} came: ${told} ${input.state.problem}`,
    60_000,
  );
  const logger = spawnSync("logger", [
    "--socket",
    join(directory, "log"),
    "--tag",
    "sshd",
    "--priority",
    "auth.notice",
    "forged?",
  ]);
  assert.equal(logger.status, 0, logger.stderr.toString());
  await eventually(
    () => agent.records.length >= 2 * lines + 2,
    () => `logger's message did not come: ${told}`,
  );
  forwarder.kill("SIGTERM");
  await once(forwarder, "exit");
  await agent.stop();

  const modern = agent.texts.filter((text) => /^<\d+>1 /.test(text));
  const traditional = agent.texts.filter((text) => !/^<\d+>1 /.test(text));
  // <86> is authpriv.info: 10·8 + 6.
  const said = (text: string): string =>
    text.replace(/^<86>1 \S+ \S+ sshd 7 - - |^<86>\w{3} [ \d]\d [\d:]{8} \S+ sshd\[7\]: ?/, "").trimStart();
  for (const texts of [modern, traditional]) {
    assert.equal(texts.length, lines + 1);
    assert.deepEqual(
      texts.slice(0, lines).map(said),
      Array.from({ length: lines }, (_, n) => message(n)),
    );
    assert.match(texts.at(-1)!, /^<37>.* sshd.*forged\?$/);
  }
  assert.ok(agent.records.every(({ torn, cut }) => torn === undefined && cut === undefined));
  agent.numbersRise();
  assert.equal(input.state.problem, null);
});
