// Saves all events of a filter as a file, as they come: to a place on disk where the browser can write one (File System Access),
// else within the page up to a limit. Says how far it is, and keeps nothing of one that was cancelled or cut off.
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, App, Button, Card, Dropdown, Flex, Progress } from "antd";
import { useEffect, useRef, useState } from "react";
import { addressOf, askRaw } from "../api.ts";
import { useWords } from "../settings.tsx";
import type { Parameters } from "./filter.ts";

export type Format = "ndjson" | "csv";

/** Bytes that a page holds where it cannot write to a file. */
const mostHeld = 256 * 1024 * 1024;

/** Where the bytes go. */
interface Sink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Makes it a file. */
  close(): Promise<void> | void;
  /** Leaves nothing. */
  abort(): Promise<void> | void;
}

interface FilePicker {
  showSaveFilePicker?(options: {
    suggestedName: string;
  }): Promise<{ createWritable(): Promise<Sink & WritableStream<Uint8Array>> }>;
}

class TooBig extends Error {}

function heldSink(name: string): Sink {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  return {
    write: (bytes) => {
      size += bytes.length;
      if (size > mostHeld) throw new TooBig();
      parts.push(bytes);
    },
    close: () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(parts));
      link.download = name;
      link.click();
      // The browser has begun to read it by then.
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    abort: () => void parts.splice(0),
  };
}

/** Events in what has come: lines, but not those within a cell of a table. */
class EventCount {
  readonly #format: Format;
  #lines = 0;
  #quoted = false;

  constructor(format: Format) {
    this.#format = format;
  }

  add(bytes: Uint8Array): void {
    for (const byte of bytes)
      if (byte === 34 && this.#format === "csv") this.#quoted = !this.#quoted;
      else if (byte === 10 && !this.#quoted) this.#lines++;
  }

  get events(): number {
    return Math.max(0, this.#lines - (this.#format === "csv" ? 1 : 0));
  }
}

interface Running {
  readonly format: Format;
  readonly events: number;
  readonly bytes: number;
  /** Undefined where it is a search: how much matches is known at its end. */
  readonly total: number | undefined;
}

/** A button, and what it shows while it works. @param parameters what is on the page now */
export function useExport(parameters: Parameters): {
  readonly button: React.ReactNode;
  readonly progress: React.ReactNode;
} {
  const words = useWords();
  const said = words.explorerPage;
  const { message } = App.useApp();
  const [running, setRunning] = useState<Running>();
  const [tooBig, setTooBig] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);

  const run = async (format: Format) => {
    const name = `taishi-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}Z.${format}`;
    const address = addressOf("/api/v1/export", { ...parameters, format });
    setTooBig(undefined);
    let sink: Sink;
    const picker = window as FilePicker;
    try {
      sink =
        picker.showSaveFilePicker === undefined
          ? heldSink(name)
          : await picker
              .showSaveFilePicker({ suggestedName: name })
              .then((file) => file.createWritable())
              .then(writable);
    } catch (thrown) {
      // Whoever closes the dialog has changed their mind.
      if ((thrown as Error).name !== "AbortError") void message.error((thrown as Error).message);
      return;
    }
    const controller = new AbortController();
    stop.current = controller;
    setRunning({ format, events: 0, bytes: 0, total: undefined });
    try {
      const response = await askRaw(address, { signal: controller.signal });
      const header = response.headers.get("x-total-count");
      const total = header === null ? undefined : Number(header);
      const count = new EventCount(format);
      let bytes = 0;
      let drawn = 0;
      for (const reader = response.body!.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) break;
        await sink.write(value);
        count.add(value);
        bytes += value.length;
        if (performance.now() - drawn < 100) continue;
        drawn = performance.now();
        setRunning({ format, events: count.events, bytes, total });
      }
      if (total !== undefined && count.events !== total)
        throw new Error(said.exportShort(count.events.toLocaleString(), total.toLocaleString()));
      await sink.close();
      void message.success(said.exported(count.events.toLocaleString(), sizeOf(bytes)));
    } catch (thrown) {
      await Promise.resolve(sink.abort()).catch(() => {});
      if (thrown instanceof TooBig) {
        controller.abort();
        setTooBig(address);
      } else if (controller.signal.aborted) void message.info(said.exportStopped);
      else void message.error(`${said.exportFailed} ${(thrown as Error).message}`);
    } finally {
      setRunning(undefined);
    }
  };

  return {
    button: (
      <Dropdown
        trigger={["click"]}
        disabled={running !== undefined}
        menu={{
          items: [
            { key: "ndjson", label: said.exportNdjson },
            { key: "csv", label: said.exportCsv },
          ],
          onClick: ({ key }) => void run(key as Format),
        }}
      >
        <Button icon={<DownloadOutlined />}>{words.exportAs}</Button>
      </Dropdown>
    ),
    progress: (
      <>
        {running !== undefined && (
          <Card size="small" role="status" data-testid="exporting">
            <Flex gap={12} align="center" wrap>
              <span>{`${words.exporting} ${running.format.toUpperCase()}`}</span>
              {running.total !== undefined && running.total > 0 && (
                <Progress
                  style={{ flex: 1, minWidth: 140, margin: 0 }}
                  percent={Math.floor((running.events / running.total) * 100)}
                />
              )}
              <span>
                {running.total === undefined
                  ? said.exportSome(running.events.toLocaleString())
                  : said.exportOf(running.events.toLocaleString(), running.total.toLocaleString())}
                {` · ${sizeOf(running.bytes)}`}
              </span>
              <Button size="small" onClick={() => stop.current?.abort()}>
                {words.cancel}
              </Button>
            </Flex>
          </Card>
        )}
        {tooBig !== undefined && (
          <Alert
            type="warning"
            showIcon
            closable={{ onClose: () => setTooBig(undefined) }}
            title={said.exportTooBig(sizeOf(mostHeld))}
            action={
              <Button href={tooBig} download>
                {said.exportLink}
              </Button>
            }
          />
        )}
      </>
    ),
  };
}

function writable(stream: Sink): Sink {
  return { write: (bytes) => stream.write(bytes), close: () => stream.close(), abort: () => stream.abort() };
}

export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
