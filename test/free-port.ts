// A TCP port for a process that a test starts, and may start again at the same address.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that nobody listens on. Not one that the system would give: those it also gives to every outgoing
 * connection, and one of them may hold it by the time the process listens, or while it is down between two starts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    // Linux gives from 32768, the BSDs and macOS from 49152; fetch and browsers refuse some, the highest of them 10080.
    const port = randomInt(11_000, 32_768);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "EADDRINUSE") resolve(false);
      else reject(thrown);
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
