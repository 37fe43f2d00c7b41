// Medians, percentiles and how far rounds lie apart. Pure.

/** The value that a part `p` (0 to 1) of the values does not exceed; nearest rank. NaN where there are none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

/** The middle one; of an even number, the mean of the two in the middle. NaN where there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half]!;
  return sorted.length === 0 ? Number.NaN : (sorted[half - 1]! + sorted[half]!) / 2;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly requests: number;
}

export function latencyOf(milliseconds: readonly number[]): Latency {
  return {
    p50: percentile(milliseconds, 0.5),
    p99: percentile(milliseconds, 0.99),
    max: percentile(milliseconds, 1),
    requests: milliseconds.length,
  };
}

export interface Repetition {
  readonly times: number;
  /** Calls before, which are not counted. */
  readonly warmUp: number;
  /** Stops earlier when it has taken this long. */
  readonly atMostSeconds?: number;
}

/** Milliseconds of each call, one after the other. */
export async function timed(call: () => Promise<void>, repetition: Repetition): Promise<readonly number[]> {
  const { times, warmUp, atMostSeconds = Number.POSITIVE_INFINITY } = repetition;
  const milliseconds: number[] = [];
  for (let i = 0; i < warmUp; i++) await call();
  const begin = performance.now();
  while (milliseconds.length < times && performance.now() - begin < atMostSeconds * 1000) {
    const start = performance.now();
    await call();
    milliseconds.push(performance.now() - start);
  }
  return milliseconds;
}
