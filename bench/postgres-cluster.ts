// A PostgreSQL of our own for one run: a fresh cluster in a temporary directory, reached only through a Unix socket in it,
// stopped and removed at the end. Durable as shipped (fsync and synchronous_commit on); the one change to the defaults is
// shared_buffers, as any administrator would make.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";

export const settings = { shared_buffers: "1GB", fsync: "on", synchronous_commit: "on" } as const;

export interface PostgresCluster {
  /** Directory of the socket: `host` of a connection as user postgres to database postgres. */
  readonly socketDirectory: string;
  /** E.g. "15.18". */
  readonly version: string;
  connect(): Promise<pg.Client>;
  /** Stops the server and removes its files. */
  remove(): Promise<void>;
}

/** Where Debian puts the programs of the version it ships, newest first; undefined where none is installed. */
export function findPrograms(): string | undefined {
  const base = "/usr/lib/postgresql";
  if (!existsSync(base)) return undefined;
  return readdirSync(base)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(base, version, "bin"))
    .find((path) => existsSync(join(path, "initdb")));
}

/** @param more settings of the server @throws Error where initdb or the server refuses; nothing is left behind then. */
export async function startPostgres(
  programs: string,
  parent: string,
  more: Readonly<Record<string, string>> = {},
): Promise<PostgresCluster> {
  const directory = mkdtempSync(join(parent, "taishi-bench-postgres-"));
  let server: ChildProcess | undefined;
  const remove = async (): Promise<void> => {
    if (server !== undefined) await stop(server);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const user = serverUser();
    if (user !== undefined) chownSync(directory, user.uid, user.gid);
    const data = join(directory, "data");
    const made = spawnSync(
      join(programs, "initdb"),
      ["--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"],
      { ...user, cwd: directory, encoding: "utf8" },
    );
    if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr.trim()}`);
    const options = Object.entries({ ...settings, ...more, listen_addresses: "", unix_socket_directories: directory });
    const complaints: string[] = [];
    server = spawn(join(programs, "postgres"), ["-D", data, ...options.flatMap(([k, v]) => ["-c", `${k}=${v}`])], {
      ...user,
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // a SIGINT at the terminal is for us; we stop it in order
    });
    server.stderr!.setEncoding("utf8").on("data", (text: string) => {
      complaints.push(text);
      if (complaints.length > 100) complaints.shift();
    });
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ host: directory, user: "postgres", database: "postgres" });
      client.on("error", () => {}); // a query that is under way rejects with it
      await client.connect();
      return client;
    };
    const first = await untilReady(connect, server, complaints);
    const { rows } = await first.query<{ server_version: string }>("SHOW server_version");
    await first.end();
    const version = rows[0]!.server_version.split(" ")[0]!;
    return { socketDirectory: directory, version, connect, remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

/** The server refuses to run as root: as root it runs as Debian's user postgres. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const number = (flag: string): number => {
    const asked = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
    if (asked.status !== 0) throw new Error("there is no user postgres to run the server as");
    return Number(asked.stdout.trim());
  };
  return { uid: number("-u"), gid: number("-g") };
}

async function untilReady(
  connect: () => Promise<pg.Client>,
  server: ChildProcess,
  complaints: readonly string[],
): Promise<pg.Client> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect();
    } catch (thrown) {
      if (server.exitCode !== null || attempt > 300)
        throw new Error(`postgres did not start: ${complaints.join("")}`, { cause: thrown });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGINT"); // "fast": clients are cut off, the files are left clean
  await ended;
}
