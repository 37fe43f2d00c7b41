import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TaishiError } from "../errors.ts";
import type { DatabaseEvent, Event, SystemEvent } from "../event/event.ts";
import { AuditFileView } from "./audit-file-view.ts";
import { FileKeeper } from "./file-keeper.ts";
import { FileNames, idOfName } from "./file-names.ts";
import { type FileRecord, readRecord } from "./instance-record.ts";
import { type Follower, MemoryLog, statement } from "./memory-log.test-support.ts";
import { type AuditPolicy, defaultPolicy } from "./port.ts";
import { recordBytes, renderRecord } from "./record-text.ts";
import { admits } from "./statement-types.ts";

const account = "2100000001";
const minute = 60_000;
const maxBytes = 400;

/** A log with a keeper over it that can be killed and started again. */
class Bench {
  readonly log = new MemoryLog();
  readonly failures: unknown[] = [];
  readonly #names = new FileNames(this.log.clock, (size) => new Uint8Array(size).fill(7));
  keeper: FileKeeper;
  readonly #late: boolean;
  #follower: Follower = () => {};
  /** Commits that the keeper was not told of yet. */
  #untold: Parameters<Follower>[] = [];
  #alive = { yes: true };

  /** @param late the keeper is told of commits only when it is asked to settle */
  constructor({ late = false } = {}) {
    this.#late = late;
    this.keeper = this.#start();
  }

  #start(): FileKeeper {
    const alive = { yes: true };
    this.#alive = alive;
    const keeper = new FileKeeper({
      queries: this.log,
      append: (to, event) => (alive.yes ? this.log.appendSystem(to, event) : new Promise<never>(() => {})),
      names: this.#names,
      clock: this.log.clock,
      onFailure: (thrown) => this.failures.push(thrown),
      maxBytes,
      maxAgeMs: 30 * minute,
      mostWaitingBytes: 2_000,
    });
    this.#untold = [];
    this.#follower = (...commit) => {
      this.#untold.push(commit);
      if (!this.#late) this.tell();
    };
    this.log.followers.add(this.#follower);
    return keeper;
  }

  tell(): void {
    for (const commit of this.#untold.splice(0)) this.keeper.committed(...commit);
  }

  /** As a crash: what the old keeper had begun goes no further. */
  restart(watch: boolean): void {
    this.#alive.yes = false;
    this.log.followers.delete(this.#follower);
    this.keeper = this.#start();
    if (watch) this.keeper.watch(["in1", "in2"].map((instance) => ({ account, instance })));
  }

  async setPolicy(instance: string, policy: Partial<AuditPolicy>): Promise<void> {
    const view = new AuditFileView({ queries: this.log, append: this.log.appendSystem, clock: this.log.clock });
    await view.setPolicy({ account, instance }, { ...defaultPolicy, ...policy });
  }

  async append(...events: Event[]): Promise<void> {
    await this.log.append(account, events);
  }

  async files(instance = "in1"): Promise<readonly FileRecord[]> {
    const { files } = await readRecord(this.log, { account, instance });
    return files.filter((file) => !file.imported).toSorted((a, b) => a.firstSeq - b.firstSeq);
  }

  /** Lets every file be closed. */
  async end(): Promise<void> {
    this.log.refusal = undefined;
    this.log.failure = undefined;
    this.tell();
    this.keeper.watch(["in1", "in2"].map((instance) => ({ account, instance })));
    await this.keeper.settled();
    this.keeper.tick();
    await this.keeper.settled();
    this.log.now += 31 * minute;
    this.keeper.tick();
    await this.keeper.settled();
  }

  async content(file: FileRecord): Promise<string> {
    const view = new AuditFileView({ queries: this.log, append: this.log.appendSystem, clock: this.log.clock });
    return Buffer.concat(await Array.fromAsync(view.content({ account, instance: file.instance }, file))).toString();
  }
}

const parts = ({ firstSeq, lastSeq, begin, end, bytes, count, types }: FileRecord) => ({
  firstSeq,
  lastSeq,
  begin,
  end,
  bytes,
  count,
  types,
});

test("a file closes half an hour after its first statement was received", async () => {
  const bench = new Bench();
  await bench.append(statement({ time: 5_000 }), statement({ time: 3_000 }));
  bench.log.now += 30 * minute - 1;
  await bench.keeper.settled();
  bench.keeper.tick();
  await bench.keeper.settled();
  assert.deepEqual(await bench.files(), []);
  bench.log.now += 1;
  bench.keeper.tick();
  await bench.keeper.settled();
  const [file, ...more] = await bench.files();
  assert.deepEqual(more, []);
  const bytes = 2 * recordBytes(statement());
  assert.deepEqual(parts(file!), { firstSeq: 0, lastSeq: 1, begin: 3_000, end: 5_000, bytes, count: 2, types: [] });
  assert.equal(file!.closed, bench.log.now);
  assert.equal(idOfName(file!.name), file!.id);
  assert.match(file!.name, /^1_20260101003000_in1_Audit_/);
});

test("the statement that would exceed the size goes into the next file", async () => {
  const bench = new Bench();
  const each = recordBytes(statement());
  const fit = Math.floor(maxBytes / each);
  await bench.append(...Array.from({ length: fit + 1 }, () => statement()));
  await bench.keeper.settled();
  assert.deepEqual(
    (await bench.files()).map(({ count, bytes }) => ({ count, bytes })),
    [{ count: fit, bytes: fit * each }],
  );
  await bench.append(statement({ sql: "x".repeat(2 * maxBytes) }), statement());
  await bench.keeper.settled();
  assert.deepEqual(
    (await bench.files()).map(({ count }) => count),
    [fit, 1, 1],
  );
});

test("turning the policy off closes the open file, and later statements belong to none until it is on again", async () => {
  const bench = new Bench();
  await bench.append(statement({ sql: "a" }));
  await bench.keeper.settled();
  await bench.setPolicy("in1", { keepDays: 0 });
  await bench.keeper.settled();
  assert.deepEqual(
    (await bench.files()).map(parts).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    [[0, 0]],
  );
  await bench.append(statement({ sql: "b" }));
  await bench.setPolicy("in1", { keepDays: 3, types: ["INSERT"] });
  await bench.append(statement({ sql: "c" }), statement({ sql: "d", commandClass: "insert" }));
  await bench.end();
  const files = await bench.files();
  assert.deepEqual(files[1]?.types, ["INSERT"]);
  assert.deepEqual(await Promise.all(files.map((file) => bench.content(file))), [
    renderRecord(statement({ sql: "a" })),
    renderRecord(statement({ sql: "d", commandClass: "insert" })),
  ]);
});

test("a closing that was refused is tried again with its id and time", async () => {
  const bench = new Bench();
  await bench.append(statement());
  await bench.keeper.settled();
  bench.log.now += 30 * minute;
  bench.log.refusal = new TaishiError("disk-full");
  bench.keeper.tick();
  await bench.keeper.settled();
  assert.equal(bench.failures.length, 1);
  const closed = bench.log.now;
  bench.log.refusal = undefined;
  bench.log.now += minute;
  bench.keeper.tick();
  await bench.keeper.settled();
  assert.deepEqual(
    (await bench.files()).map((file) => file.closed),
    [closed],
  );
});

test("after a restart nothing is walked where the closings cover every statement", async () => {
  const bench = new Bench();
  await bench.append(statement(), statement());
  await bench.end();
  bench.log.walked = 0;
  bench.restart(true);
  await bench.keeper.settled();
  assert.equal(bench.log.walked, 0);
  await bench.append(statement());
  bench.restart(true);
  await bench.keeper.settled();
  assert.equal(bench.log.walked, 1);
});

test("while the policy is off a restart walks nothing that came after", async () => {
  const bench = new Bench();
  await bench.append(statement());
  await bench.setPolicy("in1", { keepDays: 0 });
  await bench.keeper.settled();
  await bench.append(...Array.from({ length: 20 }, () => statement()));
  bench.log.walked = 0;
  bench.restart(true);
  await bench.keeper.settled();
  assert.equal(bench.log.walked, 0);
});

test("where the queries fail at first the open file is found later", async () => {
  const bench = new Bench();
  await bench.append(statement({ sql: "a" }));
  await bench.keeper.settled();
  bench.log.failure = new TaishiError("index-behind");
  bench.restart(true);
  await bench.append(statement({ sql: "b" }));
  await bench.keeper.settled();
  assert.ok(bench.failures.length > 0);
  bench.log.failure = undefined;
  await bench.end();
  assert.deepEqual(
    (await bench.files()).map(({ firstSeq, lastSeq, count }) => [firstSeq, lastSeq, count]),
    [[0, 1, 2]],
  );
});

test("more than may wait while a file is found again is read from the ledger", async () => {
  const bench = new Bench();
  bench.log.failure = new TaishiError("index-behind");
  const large = statement({ sql: "x".repeat(900) });
  await bench.append(large, large);
  await bench.append(statement({ sql: "last" }));
  bench.log.failure = undefined;
  await bench.end();
  assert.deepEqual(
    (await bench.files()).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  );
});

test("a policy that was read before it was told of does not overtake the statements before it", async () => {
  const bench = new Bench({ late: true });
  await bench.append(statement({ sql: "a" }));
  bench.restart(false);
  const list = bench.log.list.bind(bench.log);
  bench.log.list = async (request) => {
    const page = await list(request);
    bench.log.list = list;
    await bench.setPolicy("in1", { types: ["SELECT"] });
    await bench.append(statement({ sql: "b" }), statement({ commandClass: "insert" }));
    await bench.setPolicy("in1", {});
    return page;
  };
  bench.keeper.watch([{ account, instance: "in1" }]);
  await bench.keeper.settled();
  await bench.append(statement({ sql: "c" }));
  await bench.end();
  const contents = await Promise.all((await bench.files()).map((file) => bench.content(file)));
  assert.deepEqual(
    contents,
    ["a", "b", "c"].map((sql) => renderRecord(statement({ sql }))),
  );
});

test("a search that broke off half way leaves nothing behind", async () => {
  const bench = new Bench();
  await bench.keeper.settled();
  bench.restart(false);
  bench.keeper.committed = () => {};
  await bench.append(...Array.from({ length: 12 }, (_, i) => statement({ sql: `${i}` })));
  bench.restart(false);
  const walk = bench.log.walk.bind(bench.log);
  bench.log.walk = async function* (request) {
    bench.log.walk = walk;
    let left = 3;
    for await (const entries of walk(request)) {
      if (left-- === 0) throw new TaishiError("index-behind");
      yield entries;
    }
  };
  bench.keeper.watch([{ account, instance: "in1" }]);
  await bench.keeper.settled();
  assert.equal(bench.failures.length, 1);
  await bench.end();
  const contents = await Promise.all((await bench.files()).map((file) => bench.content(file)));
  assert.ok(contents.length > 2);
  assert.equal(
    contents.join(""),
    Array.from({ length: 12 }, (_, i) => renderRecord(statement({ sql: `${i}` }))).join(""),
  );
});

type Op =
  | { readonly kind: "append"; readonly events: readonly Event[] }
  | { readonly kind: "policy"; readonly instance: string; readonly policy: Partial<AuditPolicy> }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "restart"; readonly watch: boolean }
  | { readonly kind: "settle" }
  | { readonly kind: "yield" }
  | { readonly kind: "refuse"; readonly on: boolean }
  | { readonly kind: "fail"; readonly on: boolean };

const instanceName = fc.constantFrom("in1", "in2");
const other: Event = {
  kind: "security",
  time: 1,
  type: "SshLogin",
  resource: { type: "instance", id: "in1" },
  risk: "Info",
  contents: [],
};
const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        instance: instanceName,
        time: fc.integer({ min: 0, max: 50_000 }),
        sql: fc.string({ maxLength: 150 }),
        commandClass: fc.constantFrom("select", "insert", "set_option"),
      })
      .map((members): Event => statement(members)),
  },
  { weight: 1, arbitrary: fc.constant(other) },
  { weight: 1, arbitrary: instanceName.map((instance): Event => statement({ instance, file: "imported" })) },
);
const append = fc.array(anyEvent, { minLength: 1, maxLength: 5 }).map((events): Op => ({ kind: "append", events }));
const policy = fc.record({
  instance: instanceName,
  policy: fc.constantFrom<Partial<AuditPolicy>>(
    { keepDays: 0 },
    { keepDays: 7 },
    { keepDays: 9, types: ["SELECT"] },
    { keepDays: 9, types: ["SELECT", "INSERT"] },
  ),
});
const pass = fc.constantFrom(minute, 12 * minute, 31 * minute);
const calm: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: append },
  { weight: 2, arbitrary: policy.map((members): Op => ({ kind: "policy", ...members })) },
  { weight: 2, arbitrary: pass.map((ms): Op => ({ kind: "pass", ms })) },
);
const wild: fc.Arbitrary<Op> = fc.oneof(
  { weight: 10, arbitrary: calm },
  { weight: 3, arbitrary: fc.boolean().map((watch): Op => ({ kind: "restart", watch })) },
  { weight: 2, arbitrary: fc.constantFrom<Op>({ kind: "settle" }, { kind: "yield" }) },
  { weight: 1, arbitrary: fc.boolean().map((on): Op => ({ kind: "refuse", on })) },
  { weight: 1, arbitrary: fc.boolean().map((on): Op => ({ kind: "fail", on })) },
);

async function act(bench: Bench, op: Op): Promise<void> {
  // What is refused was never committed: only the keeper's own appends meet the refusal.
  const { refusal } = bench.log;
  if (op.kind === "append" || op.kind === "policy") {
    bench.log.refusal = undefined;
    const done = op.kind === "append" ? bench.append(...op.events) : bench.setPolicy(op.instance, op.policy);
    await Promise.resolve();
    bench.log.refusal = refusal;
    await done;
  } else if (op.kind === "pass") {
    bench.log.now += op.ms;
    bench.keeper.tick();
  } else if (op.kind === "restart") bench.restart(op.watch);
  else if (op.kind === "settle") {
    bench.tell();
    await bench.keeper.settled();
  } else if (op.kind === "yield") await new Promise((resolve) => setImmediate(resolve));
  else if (op.kind === "refuse") bench.log.refusal = op.on ? new TaishiError("overloaded") : undefined;
  else bench.log.failure = op.on ? new TaishiError("index-behind") : undefined;
}

/** The statements that the policies of the log admit, by the rule that one applies from the next entry on. */
function admitted(log: MemoryLog, instance: string): DatabaseEvent[] {
  let current: Pick<AuditPolicy, "keepDays" | "types"> = defaultPolicy;
  const found: DatabaseEvent[] = [];
  for (const { event } of log.log(account)) {
    if (event.kind === "system" && event.type === "AuditPolicySet" && event.resource.id === instance)
      current = (event as SystemEvent).data as unknown as AuditPolicy;
    if (event.kind !== "database" || event.instance !== instance || event.file !== undefined) continue;
    if (current.keepDays > 0 && admits(current.types, event)) found.push(event);
  }
  return found;
}

test("whatever happens, every admitted statement is in exactly one file, in order, and files are as long as they say", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(wild, { maxLength: 40 }), fc.boolean(), async (ops, late) => {
      const bench = new Bench({ late });
      for (const op of ops) await act(bench, op);
      await bench.end();
      for (const instance of ["in1", "in2"]) {
        const files = await bench.files(instance);
        const contents = await Promise.all(files.map((file) => bench.content(file)));
        assert.equal(contents.join(""), admitted(bench.log, instance).map(renderRecord).join(""));
        for (const [i, file] of files.entries()) {
          assert.equal(Buffer.byteLength(contents[i]!), file.bytes);
          assert.ok(file.bytes <= maxBytes || file.count === 1);
          assert.ok(i === 0 || file.firstSeq > files[i - 1]!.lastSeq);
        }
        assert.equal(new Set(files.map(({ id }) => id)).size, files.length);
      }
      await bench.keeper.close();
    }),
    { numRuns: 400 },
  );
});

test("files are the same whether there was a restart after any step or none", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(calm, fc.constantFrom("none", "watch", "lazy")), { maxLength: 30 }),
      async (steps) => {
        const run = async (restarts: boolean): Promise<unknown> => {
          const bench = new Bench();
          bench.restart(true);
          for (const [op, restart] of steps) {
            await act(bench, op);
            await bench.keeper.settled();
            if (restarts && restart !== "none") bench.restart(restart === "watch");
            await bench.keeper.settled();
            bench.keeper.watch(["in1", "in2"].map((instance) => ({ account, instance })));
            await bench.keeper.settled();
          }
          await bench.end();
          return [await bench.files("in1"), await bench.files("in2")].map((files) => files.map(parts));
        };
        assert.deepEqual(await run(true), await run(false));
      },
    ),
    { numRuns: 150 },
  );
});
