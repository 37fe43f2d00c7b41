// The load client, a process of its own so that its work is not measured as the service's: makes the bodies of a stretch of
// W, says so, and on "go" sends them over its connections, timing nothing but the sending. Started by load.ts.
import { httpSink } from "./http-sink.ts";
import type { Command, Report } from "./load.ts";
import { postgresSink } from "./postgres-sink.ts";
import type { Connection, Sink } from "./sink.ts";

let sink: Sink | undefined;
let connections: readonly Connection[] = [];
let bodies: Buffer[] = [];

async function obey(command: Command): Promise<Report> {
  switch (command.do) {
    case "connect": {
      const { target } = command;
      sink = target.to === "http" ? httpSink(target.url, target.token) : postgresSink(target.socketDirectory);
      const made = sink;
      connections = await Promise.all(Array.from({ length: command.connections }, () => made.connect()));
      return { did: "connect" };
    }
    case "make": {
      const made = sink!;
      bodies = [];
      const end = command.first + command.count;
      for (let first = command.first; first < end; first += command.batch)
        bodies.push(made.bodyOf(first, Math.min(command.batch, end - first)));
      return { did: "make", bytes: bodies.reduce((sum, { length }) => sum + length, 0) };
    }
    case "go":
      return { did: "go", ...(await send()) };
    case "close":
      await Promise.all(connections.map((connection) => connection.close()));
      return { did: "close" };
  }
}

/** Every connection takes the next body as soon as its last one is acknowledged. */
async function send(): Promise<{ seconds: number; acknowledgedMs: number[] }> {
  const acknowledgedMs: number[] = [];
  let next = 0;
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      while (next < bodies.length) {
        const body = bodies[next++]!;
        const sent = performance.now();
        await connection.send(body);
        acknowledgedMs.push(performance.now() - sent);
      }
    }),
  );
  return { seconds: (performance.now() - start) / 1000, acknowledgedMs };
}

process.on("message", (command: Command) => {
  obey(command).then(
    (report) => process.send!(report),
    (thrown: unknown) =>
      process.send!({ did: "fail", why: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }),
  );
});
process.on("disconnect", () => process.exit(0));
