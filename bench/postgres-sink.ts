// The peer's table and the way batches get into it: one INSERT of 500 rows per transaction, made by the server from the
// batch's JSON, which was the fastest form over SQL (faster than rows of parameters and than arrays of texts).
import pg from "pg";
import { type Connection, eventTexts, type Sink } from "./sink.ts";

/** A row per event: the whole as jsonb, what is asked for beside it, a key and two indexes. */
export const schema = `
  CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time timestamptz NOT NULL,
    resource text NOT NULL,
    type text NOT NULL,
    event jsonb NOT NULL
  );
  CREATE INDEX events_resource_type_time ON events (resource, type, time);
  CREATE INDEX events_time ON events (time);
`;

const insert = `
  INSERT INTO events (time, resource, type, event)
  SELECT (e->>'time')::timestamptz, e->'resource'->>'id', e->>'type', e FROM jsonb_array_elements($1::jsonb) AS e
`;

export function postgresSink(socketDirectory: string): Sink {
  return {
    // A Buffer goes over the wire as it is: jsonb's binary form is a version byte and the text.
    bodyOf: (first, count) => Buffer.from(`\u0001[${eventTexts(first, count).join(",")}]`),
    connect: async (): Promise<Connection> => {
      const client = new pg.Client({ host: socketDirectory, user: "postgres", database: "postgres" });
      await client.connect();
      return {
        send: async (body) => {
          await client.query({ name: "append", text: insert, values: [body] });
        },
        close: () => client.end(),
      };
    },
  };
}
