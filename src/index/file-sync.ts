// Fsyncs a finished file without holding the thread: a merged run may be hundreds of megabytes.
import { open } from "node:fs/promises";

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
