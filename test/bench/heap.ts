/**
 * What the Worker's isolate holds, by the inspector of the local runtime (Chrome DevTools
 * Protocol): garbage is collected before each look, so that what is seen is what is needed.
 */

/** The name that the inspector has for the Worker of a bench. */
const TARGET = "core:user:bench";
const LOOK_EVERY_MS = 250;
/** An isolate that does nothing at the moment does not collect: then it is looked at as it is. */
const COLLECT_LIMIT_MS = 2_000;

/** The most that was seen, in MB. */
export interface HeapPeak {
  /** Objects and buffers at one moment. */
  total: number;
  objects: number;
  buffers: number;
}

interface Usage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/**
 * Looks until it is told to stop, and answers the most it has seen, by what `stage` said at that
 * time.
 */
export async function watchHeap(
  port: number,
  stage: () => string,
): Promise<{ stop(): Promise<Record<string, HeapPeak>> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${TARGET}`);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")));
  });
  const open = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) open.get(id)?.(result);
  });
  let last = 0;
  const send = (method: string): Promise<unknown> =>
    new Promise((resolve) => {
      last += 1;
      open.set(last, resolve);
      socket.send(JSON.stringify({ id: last, method }));
    });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const peaks: Record<string, HeapPeak> = {};
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  let over = false;

  await send("HeapProfiler.enable");
  const looking = (async () => {
    while (!over) {
      await Promise.race([send("HeapProfiler.collectGarbage"), wait(COLLECT_LIMIT_MS)]);
      const { usedSize, backingStorageSize } = (await send("Runtime.getHeapUsage")) as Usage;
      const name = stage();
      const peak = peaks[name] ?? { total: 0, objects: 0, buffers: 0 };
      peaks[name] = peak;
      peak.total = Math.max(peak.total, mb(usedSize + backingStorageSize));
      peak.objects = Math.max(peak.objects, mb(usedSize));
      peak.buffers = Math.max(peak.buffers, mb(backingStorageSize));
      await wait(LOOK_EVERY_MS);
    }
  })();
  return {
    async stop() {
      over = true;
      await looking;
      socket.close();
      return peaks;
    },
  };
}
