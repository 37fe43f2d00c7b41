// What may be said of a docker input in a configuration, and the request it comes to. Pure.
import { type Static, Type } from "typebox";
import { TaishiError } from "../../errors.ts";
import { type HostPort, hostPort } from "../listen-address.ts";

export const dockerSchema = Type.Object(
  {
    socket: Type.String({
      default: "/var/run/docker.sock",
      description: "The engine's Unix socket, or tcp://HOST:PORT; port 2376.",
    }),
    types: Type.Array(Type.String({ pattern: "^[a-z]+$" }), {
      default: ["container"],
      description: "Kinds of objects whose events are read, as in the engine's type filter; none for all.",
    }),
    filters: Type.Record(Type.String({ pattern: "^[a-z]+$" }), Type.Array(Type.String()), {
      default: {},
      description: "Further filters of the engine, e.g. {label: [audited]}.",
    }),
    from: Type.Union([Type.Literal("start"), Type.Literal("now")], {
      default: "start",
      description: "Where to begin at the very first start: with what the engine still has, or with what comes.",
    }),
    ca: Type.Optional(Type.String({ description: "File with the engine's authorities, PEM; for tcp." })),
    cert: Type.Optional(Type.String({ description: "File with our certificate, PEM; for tcp." })),
    key: Type.Optional(Type.String({ description: "File with its key, PEM; for tcp." })),
  },
  { additionalProperties: false },
);
export type DockerOptions = Static<typeof dockerSchema>;

export type Engine = { readonly path: string } | HostPort;

/** @throws TaishiError invalid-parameter */
export function engineOf({ socket, ca, cert, key }: DockerOptions): Engine {
  const wrong = (field: string, why: string): TaishiError =>
    new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
  if (socket.startsWith("tcp://")) {
    // Whoever may speak to an engine owns its machine: no plain text across a network.
    if (ca === undefined || cert === undefined || key === undefined)
      throw wrong("socket", "tcp:// needs ca, cert and key: an engine without TLS is anybody's");
    return hostPort(socket.slice("tcp://".length), 2376);
  }
  const path = socket.replace(/^unix:\/\//, "");
  if (!path.startsWith("/")) throw wrong("socket", `"${socket}" is neither an absolute path nor tcp://HOST:PORT`);
  if (ca !== undefined || cert !== undefined || key !== undefined) throw wrong("ca", "ca, cert and key are for tcp://");
  return { path };
}

/** @param since nanoseconds since the epoch */
export function eventsPath({ types, filters }: DockerOptions, since: bigint): string {
  const all = { ...(types.length > 0 ? { type: types } : {}), ...filters };
  const query = new URLSearchParams({
    since: `${since / 1_000_000_000n}.${String(since % 1_000_000_000n).padStart(9, "0")}`,
  });
  if (Object.keys(all).length > 0) query.set("filters", JSON.stringify(all));
  return `/events?${query}`;
}
