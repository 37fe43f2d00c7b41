// The only place that reads the time of day. Everything else is given a Clock, so that tests can hold time still.

export interface Clock {
  /** Milliseconds since the Unix epoch, an integer. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
