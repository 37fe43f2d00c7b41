// What a running program does on signals: SIGTERM and SIGINT drain and end with 0, a second one ends at once, SIGHUP
// reads files again.
import type { Terminal } from "./terminal.ts";

export function stopOnSignals(running: { reload(): void; close(): Promise<void> }, terminal: Terminal): void {
  let stopping = false;
  const stop = (): void => {
    // A second signal while draining means now; nothing acknowledged is lost by it (I1).
    if (stopping) process.exit(130);
    stopping = true;
    running.close().then(
      () => process.exit(0),
      (thrown: unknown) => {
        terminal.err(`taishi: stopping failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => {
    try {
      running.reload();
    } catch (thrown) {
      terminal.err(`taishi: ${thrown instanceof Error ? thrown.message : String(thrown)}; what was read before stays`);
    }
  });
}
