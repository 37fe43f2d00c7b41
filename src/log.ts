// The service's own log: one JSON object a line on stderr, through pino. Never given secrets, bodies or signatures.
import pino from "pino";

export type Log = pino.Logger;

/** @param level "trace" | "debug" | "info" | "warn" | "error" | "silent" */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
