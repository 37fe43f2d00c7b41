// What may be said of a syslog input in a configuration, and what it comes to. Pure.
import { type Static, Type } from "typebox";
import { TaishiError } from "../../errors.ts";
import { type HostPort, hostPort, written } from "../listen-address.ts";

export const syslogSchema = Type.Object(
  {
    listen: Type.String({
      description: "udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix-stream:///PATH; ports 514, 601 and 6514.",
    }),
    cert: Type.Optional(Type.String({ description: "File with the certificate, PEM; for tls." })),
    key: Type.Optional(Type.String({ description: "File with its key, PEM; for tls." })),
    "client-ca": Type.Optional(
      Type.String({
        description: "File with authorities, PEM: only clients with a certificate of one of them may send.",
      }),
    ),
    connections: Type.Integer({ minimum: 1, maximum: 65_535, default: 500, description: "Most at one moment." }),
    "message-size": Type.Integer({
      minimum: 65_536,
      maximum: 16 * 1024 * 1024,
      default: 1024 * 1024,
      description: "Bytes of a message above which only its first 64 KiB, its size and its digest are kept.",
    }),
    "idle-timeout": Type.Integer({
      minimum: 0,
      maximum: 2_000_000,
      default: 86_400,
      description:
        "Seconds without a byte after which a connection is ended; 0 for never. Many senders lose a message when theirs is.",
    }),
  },
  { additionalProperties: false },
);
export type SyslogOptions = Static<typeof syslogSchema>;

export type Listen =
  | ({ readonly transport: "udp" | "tcp" | "tls" } & HostPort)
  | { readonly transport: "unix-stream"; readonly path: string };

const usualPorts = { udp: 514, tcp: 601, tls: 6514 } as const;

/** @throws TaishiError invalid-parameter */
export function listenOf(options: SyslogOptions): Listen {
  const [, scheme = "", rest = ""] = /^([a-z-]+):\/\/(.*)$/.exec(options.listen) ?? [];
  const wrong = (why: string, field = "listen"): TaishiError =>
    new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
  if (scheme === "unix" || scheme === "unix-dgram")
    throw wrong(
      "datagram Unix sockets such as /dev/log cannot be read here; have syslog forward, or use unix-stream://",
    );
  const withTls = options.cert !== undefined || options.key !== undefined || options["client-ca"] !== undefined;
  if (withTls && scheme !== "tls") throw wrong("cert, key and client-ca are for tls://");
  if (scheme === "unix-stream") {
    if (!rest.startsWith("/")) throw wrong("unix-stream:// needs an absolute path");
    return { transport: scheme, path: rest };
  }
  if (scheme !== "udp" && scheme !== "tcp" && scheme !== "tls")
    throw wrong(`"${options.listen}" does not begin with udp://, tcp://, tls:// or unix-stream://`);
  if (scheme === "tls" && options.cert === undefined) throw wrong("is required with tls://", "cert");
  if (scheme === "tls" && options.key === undefined) throw wrong("is required with tls://", "key");
  return { transport: scheme, ...hostPort(rest, usualPorts[scheme]) };
}

export function listenText(listen: Listen): string {
  return listen.transport === "unix-stream"
    ? `unix-stream://${listen.path}`
    : `${listen.transport}://${written(listen)}`;
}
