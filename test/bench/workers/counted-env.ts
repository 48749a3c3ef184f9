/** The Worker's bindings with a meter on each. A call to an object is counted where it arrives. */
import { countedD1 } from "./counted-d1.ts";
import { count, type Meter } from "./counts.ts";

type Bindings = Readonly<Record<string, unknown>>;
type Method = (...args: unknown[]) => unknown;
/** What one call of a method costs. */
type Costs = Readonly<Record<string, (args: unknown[]) => void>>;

/** A queue bills each started 64 KB of a message as one operation. */
const QUEUE_CHUNK_BYTES = 64 * 1024;

/** Operations of one write, read or delete of a message. */
export function queueChunks(body: unknown): number {
  const bytes = new TextEncoder().encode(JSON.stringify(body) ?? "").byteLength;
  return Math.max(1, Math.ceil(bytes / QUEUE_CHUNK_BYTES));
}

const KV: Costs = {
  get: () => count("kv_reads", 1),
  getWithMetadata: () => count("kv_reads", 1),
  put: () => count("kv_writes", 1),
  delete: () => count("kv_writes", 1),
  list: () => count("kv_writes", 1),
};

/** Deleting is free. */
const R2: Costs = {
  put: () => count("r2_class_a", 1),
  list: () => count("r2_class_a", 1),
  createMultipartUpload: () => count("r2_class_a", 1),
  get: () => count("r2_class_b", 1),
  head: () => count("r2_class_b", 1),
};

function queue(name: string, onSend: () => void): Costs {
  const write = (body: unknown): void => {
    count("queue_operations", queueChunks(body), `${name} write`);
    onSend();
  };
  return {
    send: ([body]) => write(body),
    sendBatch: ([messages]) => {
      for (const { body } of messages as Iterable<{ body: unknown }>) write(body);
    },
  };
}

/** `real` whose methods cost what `costs` says and keep the object behind `meter` awake. */
function counted<T extends object>(real: T, costs: Costs, meter: Meter | undefined): T {
  return new Proxy(real, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        costs[String(name)]?.(args);
        const result = (value as Method).apply(target, args);
        return meter === undefined ? result : meter.during(result);
      };
    },
  });
}

/** A namespace whose stubs keep the calling object awake while they are called. */
function calling(real: DurableObjectNamespace, meter: Meter): DurableObjectNamespace {
  return new Proxy(real, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const result = (value as Method).apply(target, args);
        return name === "get" || name === "getByName"
          ? counted(result as object, {}, meter)
          : result;
      };
    },
  });
}

/**
 * Wraps every binding of `env`.
 *
 * @param meter the object that calls; undefined for the Worker's own handlers
 * @param onJournal called for each message put on the journal queue
 */
export function countedEnv(
  env: Bindings,
  meter: Meter | undefined,
  onJournal: () => void = () => undefined,
): Bindings {
  const wrapped: Record<string, unknown> = { ...env };
  for (const [name, binding] of Object.entries(env)) {
    if (binding === null || typeof binding !== "object") continue;
    const kind = binding.constructor?.name;
    if (kind === "D1Database") wrapped[name] = countedD1(binding as D1Database, meter);
    else if (kind === "KvNamespace") wrapped[name] = counted(binding, KV, meter);
    else if (kind === "R2Bucket") wrapped[name] = counted(binding, R2, meter);
    else if (kind === "WorkerQueue" || kind === "Queue") {
      const onSend = name === "JOURNAL" ? onJournal : () => undefined;
      wrapped[name] = counted(binding, queue(name, onSend), meter);
    } else if (kind === "DurableObjectNamespace" && meter !== undefined) {
      wrapped[name] = calling(binding as DurableObjectNamespace, meter);
    }
  }
  return wrapped;
}

/** The kinds of the bindings, to see that none goes uncounted. */
export function kinds(env: Bindings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, one]) => [name, one?.constructor?.name ?? typeof one]),
  );
}
