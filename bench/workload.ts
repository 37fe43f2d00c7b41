// Workload W, the one definition behind every figure: outbound connections of 1000 sandboxes, skewed, with random
// addresses, ports and pids. Event i is a pure function of i and the seed, so any part of W can be made anywhere.
// Never tuned: a change here makes all earlier figures incomparable.

export const seed = 20_241_107;
export const resources = 1000;
export const users = 500;
export const stepMs = 37;
export const firstTime = Date.UTC(2024, 10, 7);

export const eventTypes = [
  "SshLogin",
  "ContainerLogin",
  "Connection",
  "ContainerBreakout",
  "VarmorDefence",
  "KMSAccess",
  "TksAccess",
] as const;
export type EventType = (typeof eventTypes)[number];

/** One event as POST /api/v1/events takes it. */
export interface WorkloadEvent {
  readonly kind: "security";
  readonly time: string;
  readonly resource: { readonly type: "endpoint"; readonly id: string };
  readonly type: EventType;
  readonly risk: "Info";
  readonly contents: readonly { readonly key: string; readonly value: string }[];
  readonly detail: string;
}

const processes = ["curl", "wget", "python3", "node", "sshd", "bash", "nc", "java", "go", "git"] as const;
const modes = [
  { tag: "Blocking", words: "阻塞式" },
  { tag: "NonBlocking", words: "非阻塞式" },
] as const;
const outcomes = [
  { tag: "ConnectionSucceed", words: "成功" },
  { tag: "ConnectionFailed", words: "失败" },
] as const;

/** Numbers drawn for one event; fixed, so that event i starts at draw i × drawsPerEvent. */
const drawsPerEvent = 11;
const increment = 0x6d2b79f5;

/** mulberry32's number after `draws` earlier ones, in [0, 1). Its state is a counter, so it can be entered anywhere. */
export function mulberry32(from: number, draws: number): number {
  // Math.imul keeps the low 32 bits, which are all the state there is.
  let a = (from + Math.imul(increment, draws + 1)) | 0;
  a = Math.imul(a ^ (a >>> 15), a | 1);
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61);
  return ((a ^ (a >>> 14)) >>> 0) / 4_294_967_296;
}

/** Which resource event i happened to: k of "ep-20241107-<k>", small k far more often. */
export function resourceNumber(i: number): number {
  const u = mulberry32(seed, i * drawsPerEvent);
  return Math.floor(u * u * resources);
}

export function resourceId(k: number): string {
  return `ep-20241107-${k}`;
}

export function typeOf(i: number): EventType {
  return pick(eventTypes, mulberry32(seed, i * drawsPerEvent + 1));
}

/** Milliseconds since the epoch. */
export function timeOf(i: number): number {
  return firstTime + i * stepMs;
}

export function eventAt(i: number): WorkloadEvent {
  const u = (draw: number): number => mulberry32(seed, i * drawsPerEvent + draw);
  const pid = String(1 + Math.floor(u(2) * 4_194_303));
  const source = { ip: address(u(3)), port: port(u(4)) };
  const destination = { ip: address(u(5)), port: port(u(6)) };
  const mode = pick(modes, u(7));
  const outcome = pick(outcomes, u(8));
  const process = pick(processes, u(9));
  return {
    kind: "security",
    time: new Date(timeOf(i)).toISOString(),
    resource: { type: "endpoint", id: resourceId(resourceNumber(i)) },
    type: typeOf(i),
    risk: "Info",
    contents: [
      { key: "ProcessID", value: pid },
      { key: "SourceIP", value: source.ip },
      { key: "SourcePort", value: source.port },
      { key: "DestinationIP", value: destination.ip },
      { key: "DestinationPort", value: destination.port },
      { key: "Tag", value: `Whitelisted,${outcome.tag},${mode.tag}` },
      { key: "Process", value: process },
      { key: "User", value: `user-${Math.floor(u(10) * users)}` },
    ],
    detail:
      `存在从安全沙箱容器向外进行网络连接的行为。连接类型:${mode.words};连接状态:${outcome.words};` +
      `源IP/端口: ${source.ip}:${source.port};目标IP/端口: ${destination.ip}:${destination.port};` +
      `进程: ${process};pid: ${pid}`,
  };
}

/** What a correct answer says about the first `count` events. */
export interface Expected {
  readonly total: number;
  readonly byType: Readonly<Record<EventType, number>>;
  /** Events of the resource with the most. */
  readonly busiest: {
    readonly id: string;
    readonly total: number;
    readonly byType: Readonly<Record<EventType, number>>;
  };
}

export function expectedOf(count: number): Expected {
  const perResource = new Uint32Array(resources * eventTypes.length);
  for (let i = 0; i < count; i++) {
    const cell = resourceNumber(i) * eventTypes.length + eventTypes.indexOf(typeOf(i));
    perResource[cell] = perResource[cell]! + 1;
  }
  const rows = Array.from({ length: resources }, (_, k) =>
    Array.from(perResource.subarray(k * eventTypes.length, (k + 1) * eventTypes.length)),
  );
  const sums = rows.map((row) => row.reduce((sum, n) => sum + n, 0));
  const k = sums.indexOf(Math.max(...sums));
  const named = (numbers: readonly number[]): Record<EventType, number> =>
    Object.fromEntries(eventTypes.map((type, t) => [type, numbers[t]!])) as Record<EventType, number>;
  return {
    total: count,
    byType: named(eventTypes.map((_, t) => rows.reduce((sum, row) => sum + row[t]!, 0))),
    busiest: { id: resourceId(k), total: sums[k]!, byType: named(rows[k]!) },
  };
}

function pick<T>(from: readonly T[], u: number): T {
  return from[Math.floor(u * from.length)]!;
}

function address(u: number): string {
  const n = Math.floor(u * 4_294_967_296);
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

function port(u: number): string {
  return String(1 + Math.floor(u * 65_535));
}
