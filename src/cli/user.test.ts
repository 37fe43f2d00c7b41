// The commands about users, projects and instances as a stranger runs them: a child process, its standard input, its output
// and exit code; while the data directory is owned by a server, and while it is not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ControlServer, controlSocketPath } from "../flow/control.ts";
import { type House, openHouse } from "../flow/house.ts";
import { createLog } from "../log.ts";

const main = join(import.meta.dirname, "main.ts");
const data = mkdtempSync(join(tmpdir(), "taishi-user-"));
let account: string;

/** Works on the open house; commands meanwhile reach it through its control socket. */
async function owned<T>(work: (house: House) => Promise<T>): Promise<T> {
  const socketPath = controlSocketPath(data);
  const house = await openHouse({
    data,
    secrets: join(data, "secrets"),
    anchor: undefined,
    log: createLog("silent"),
    segmentBytes: 1e9,
    segmentSeconds: 1e6,
    auditFiles: { maxBytes: 1000, maxAgeMs: 1000, onFailure: () => {} },
    index: false,
    socketPath,
    onFatal: (error) => assert.fail(error),
    deliverFirstKey: () => {},
  });
  const control = await ControlServer.start(socketPath, data, house.operations, {
    log: createLog("silent"),
    onFatal: (error) => assert.fail(error),
  });
  try {
    return await work(house);
  } finally {
    await control.close();
    await house.close();
  }
}

before(() =>
  owned(async ({ identity }) => {
    account = identity.listAccounts()[1]!.id;
  }),
);
after(() => rmSync(data, { recursive: true, force: true }));

async function run(input: string | Buffer, ...args: readonly string[]) {
  const flags = ["--disable-warning=ExperimentalWarning", main, ...args, "--data", data];
  const child = spawn(process.execPath, flags, { stdio: "pipe" });
  child.stdin.on("error", () => {}); // it need not read all
  child.stdin.end(input);
  const output = { out: "", err: "" };
  child.stdout.on("data", (piece: Buffer) => (output.out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (output.err += piece.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { code, ...output };
}

async function json(input: string, ...args: readonly string[]): Promise<Record<string, string>> {
  const { code, out, err } = await run(input, ...args, "--json");
  assert.deepEqual([code, err], [0, ""]);
  return JSON.parse(out) as Record<string, string>;
}

for (const [where, within] of [
  ["while a server owns the directory", owned],
  ["while nobody does", (work: () => Promise<void>) => work()],
] as const)
  test(`users, projects and instances are made and listed ${where}`, async () => {
    const name = where.replaceAll(" ", "-");
    await within(async () => {
      const made = await json(
        "a password\n",
        "user",
        "create",
        "--account",
        account,
        "--name",
        name,
        "--password-stdin",
      );
      assert.deepEqual(made, { user: made.user, account, name, role: "auditor" });
      const project = await json("", "project", "create", "--account", account, "--name", name);
      assert.deepEqual(project, { project: project.project, account, name });
      const instance = await json("", "instance", "create", "--project", project.project!);
      assert.deepEqual(instance, { instance: instance.instance, project: project.project, account });
      const disabled = await json("", "user", "disable", made.user!);
      assert.deepEqual([disabled.user, disabled.status], [made.user, "disabled"]);
      assert.equal((await json("", "user", "enable", made.user!)).status, "enabled");
      await json("another one\r\n", "user", "password", made.user!, "--password-stdin");
      for (const [verb, id] of [
        ["user", made.user],
        ["project", project.project],
        ["instance", instance.instance],
      ])
        assert.ok((await run("", verb!, "list")).out.includes(id!), verb);
    });
    await owned(async ({ identity }) => {
      const signIn = (password: string) => identity.signIn({ domain: "default", name, password, address: "::1" });
      assert.equal((await signIn("another one")).held.caller.userName, name);
      await assert.rejects(signIn("a password"));
    });
  });

test("a deleted user is gone, and ids that were given are kept", async () => {
  const made = await json("a password", "user", "create", "--account", account, "--name", "gone", "--password-stdin");
  await json("", "user", "delete", made.user!);
  const again = await run("", "user", "delete", made.user!);
  assert.deepEqual([again.code, again.err], [1, `taishi: there is no user ${made.user}\n`]);
  const hex = "0123456789abcdef0123456789abcdef";
  const project = await json("", "project", "create", "--account", account, "--name", "given", "--id", hex);
  const instance = await json("", "instance", "create", "--project", hex, "--id", `${hex}in14`);
  assert.deepEqual([project.project, instance.instance], [hex, `${hex}in14`]);
});

test("a password that cannot be one is refused and not repeated, and comes from nowhere but standard input", async () => {
  const create = ["user", "create", "--account", account, "--name", "never"];
  for (const input of [
    "",
    "\n",
    "short",
    "two\nlines here",
    "x".repeat(129),
    "x".repeat(100_000),
    Buffer.from([255, 254]),
  ]) {
    const { code, out, err } = await run(input, ...create, "--password-stdin");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^taishi: (password|--password-stdin): [^\n]*\n$/);
    assert.equal(err.includes("lines here") || err.includes("xxx"), false);
  }
  assert.equal((await run("a password", ...create)).code, 2);
  assert.equal((await run("", ...create, "--password", "a password")).code, 2);
  assert.equal((await run("a password", ...create, "--role", "root", "--password-stdin")).code, 1);
  assert.equal((await run("", "user", "list", "--json")).out.includes("never"), false);
});
