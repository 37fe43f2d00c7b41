// What an operator can set: flags of `taishi serve`, some also by environment variables. The one place that reads them;
// docs/configuration.md lists the same keys, and a test compares the two.
import { isIP } from "node:net";
import { resolve } from "node:path";
import { TaishiError } from "./errors.ts";

export interface Setting {
  readonly flag: string;
  readonly env?: string;
  readonly default?: string;
  readonly help: string;
}

/** Every setting: its flag, its environment variable where it has one, its default, and what it does. */
export const settings = {
  data: { flag: "--data <dir>", env: "TAISHI_DATA", default: "./data", help: "data directory" },
  listen: {
    flag: "--listen <host:port>",
    env: "TAISHI_LISTEN",
    default: "127.0.0.1:7548",
    help: "address to listen on; port 0 takes a free one",
  },
  secrets: {
    flag: "--secrets <dir>",
    env: "TAISHI_SECRETS",
    help: "directory of the key files (default DATA/secrets)",
  },
  anchor: {
    flag: "--anchor <file>",
    env: "TAISHI_ANCHOR",
    help: "file outside the data directory that remembers the last checkpoints, against rollbacks",
  },
  witnessPolicy: {
    flag: "--witness-policy <file>",
    env: "TAISHI_WITNESS_POLICY",
    help: "tlog-policy file: the witnesses that cosign the checkpoints, and how many of them it takes",
  },
  tlsCert: {
    flag: "--tls-cert <file>",
    env: "TAISHI_TLS_CERT",
    help: "certificate chain in PEM; read again on SIGHUP",
  },
  tlsKey: { flag: "--tls-key <file>", env: "TAISHI_TLS_KEY", help: "private key in PEM" },
  insecureHttp: { flag: "--insecure-http", help: "allow plain HTTP on an address that is not loopback" },
  collect: {
    flag: "--collect <file>",
    env: "TAISHI_COLLECT",
    help: "configuration of an agent that runs within the service",
  },
  trustedProxy: {
    flag: "--trusted-proxy <cidr...>",
    help: "networks whose X-Forwarded-* headers are believed; none by default",
  },
  publicUrl: {
    flag: "--public-url <url>",
    env: "TAISHI_PUBLIC_URL",
    help: "how clients reach the service; used in links",
  },
  rateLimit: {
    flag: "--rate-limit <n>",
    env: "TAISHI_RATE_LIMIT",
    default: "2000",
    help: "requests a second per access key; 0 means no limit",
  },
  minFree: { flag: "--min-free <bytes>", help: "free disk below which appends are refused (default 1 GiB or 5 %)" },
  auditFileBytes: {
    flag: "--audit-file-bytes <n>",
    default: "104857600",
    help: "size at which a database audit file closes",
  },
  auditFileSeconds: {
    flag: "--audit-file-seconds <n>",
    default: "1800",
    help: "time after which a database audit file closes",
  },
  segmentBytes: {
    flag: "--segment-bytes <n>",
    default: "1073741824",
    help: "size at which a file of the ledger closes and the next begins",
  },
  segmentSeconds: {
    flag: "--segment-seconds <n>",
    default: "604800",
    help: "age at which it closes; retention works on closed files",
  },
  exportQuota: {
    flag: "--export-quota <bytes>",
    default: "10737418240",
    help: "bytes that an account's trails may export",
  },
  logLevel: {
    flag: "--log-level <level>",
    env: "TAISHI_LOG_LEVEL",
    default: "info",
    help: "trace, debug, info, warn, error or silent",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** Flags as the command line parsed them: absent ones are undefined. */
export type Flags = { readonly [name in SettingName]?: string | boolean | readonly string[] | undefined };

export interface Config extends Listen {
  /** Absolute. */
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string | undefined;
  readonly witnessPolicy: string | undefined;
  readonly collect: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly publicUrl: string | undefined;
  /** Requests a second per key, or undefined for no limit. */
  readonly rateLimit: number | undefined;
  readonly minFreeBytes: number | undefined;
  readonly auditFileBytes: number;
  readonly auditFileSeconds: number;
  readonly segmentBytes: number;
  readonly segmentSeconds: number;
  readonly exportQuotaBytes: number;
  readonly logLevel: string;
}

/** @throws TaishiError invalid-parameter naming the flag */
export function readConfig(flags: Flags, environment: Readonly<Record<string, string | undefined>>): Config {
  const text = (name: SettingName): string | undefined => {
    const setting = settings[name] as Setting;
    const given = flags[name];
    if (typeof given === "string") return given;
    return (setting.env === undefined ? undefined : environment[setting.env]) ?? setting.default;
  };
  const refuse = (name: SettingName, why: string): TaishiError => {
    const flag = settings[name].flag.split(" ")[0]!;
    return new TaishiError("invalid-parameter", `${flag}: ${why}`, { field: flag });
  };
  const path = (name: SettingName): string | undefined => {
    const given = text(name);
    return given === undefined ? undefined : resolve(given);
  };
  const integer = (name: SettingName): number | undefined => {
    const given = text(name);
    if (given === undefined) return undefined;
    if (!/^\d{1,15}$/.test(given)) throw refuse(name, "must be a whole number");
    return Number(given);
  };

  const atLeastOne = (name: SettingName): number => {
    const given = integer(name)!;
    if (given === 0) throw refuse(name, "must be 1 or more");
    return given;
  };

  const { host, port, tls } = readListen(
    {
      listen: text("listen")!,
      tlsCert: path("tlsCert"),
      tlsKey: path("tlsKey"),
      insecureHttp: flags.insecureHttp === true,
    },
    refuse,
  );

  const trustedProxies = Array.isArray(flags.trustedProxy) ? (flags.trustedProxy as readonly string[]) : [];
  for (const network of trustedProxies) {
    const [address, bits, ...rest] = network.split("/");
    const version = isIP(address!);
    const most = version === 4 ? 32 : 128;
    if (version === 0 || rest.length > 0 || (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)))
      throw refuse("trustedProxy", `${network} is not an address or a network such as 10.0.0.0/8`);
  }

  const publicUrl = text("publicUrl");
  if (publicUrl !== undefined && !/^https?:\/\/[^/?#\s]+\/?$/.test(publicUrl))
    throw refuse("publicUrl", "must be http(s)://HOST[:PORT], without a path: the clouds' signers sign the root");
  const logLevel = text("logLevel")!;
  if (!["trace", "debug", "info", "warn", "error", "silent"].includes(logLevel))
    throw refuse("logLevel", "must be trace, debug, info, warn, error or silent");
  const data = path("data")!;
  const anchor = path("anchor");
  if (anchor?.startsWith(`${data}/`))
    throw refuse("anchor", "must be outside the data directory, or it is rolled back with it");
  const rateLimit = integer("rateLimit")!;
  return {
    data,
    host,
    port,
    secrets: path("secrets") ?? resolve(data, "secrets"),
    anchor,
    witnessPolicy: path("witnessPolicy"),
    collect: path("collect"),
    tls,
    trustedProxies,
    publicUrl: publicUrl?.replace(/\/$/, ""),
    rateLimit: rateLimit === 0 ? undefined : rateLimit,
    minFreeBytes: integer("minFree"),
    auditFileBytes: atLeastOne("auditFileBytes"),
    auditFileSeconds: atLeastOne("auditFileSeconds"),
    segmentBytes: atLeastOne("segmentBytes"),
    segmentSeconds: atLeastOne("segmentSeconds"),
    exportQuotaBytes: integer("exportQuota")!,
    logLevel,
  };
}

export interface Listen {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** Where to listen, and how. @throws what `refuse` makes, given the setting that is wrong */
export function readListen(
  given: {
    readonly listen: string;
    readonly tlsCert: string | undefined;
    readonly tlsKey: string | undefined;
    readonly insecureHttp: boolean;
  },
  refuse: (name: "listen" | "tlsCert" | "tlsKey", why: string) => TaishiError,
): Listen {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(given.listen);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw refuse("listen", "must be HOST:PORT, an IPv6 host in brackets");
  const host = (match[1] ?? match[2])!;
  const { tlsCert: certFile, tlsKey: keyFile } = given;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw refuse(certFile === undefined ? "tlsCert" : "tlsKey", "--tls-cert and --tls-key belong together");
  const tls = certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
  if (tls === undefined && !isLoopback(host) && !given.insecureHttp)
    throw refuse(
      "listen",
      `${host} is not a loopback address: give --tls-cert and --tls-key, or --insecure-http if a proxy in front speaks TLS`,
    );
  return { host, port, tls };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
