/**
 * A Durable Object class with a meter: each call and alarm that arrives is a request, each row
 * that SQLite reports is a row, and an alarm that is set or deleted is a row written.
 */
import { DurableObject } from "cloudflare:workers";
import { countedEnv } from "./counted-env.ts";
import { count, Meter } from "./counts.ts";

type Bindings = Readonly<Record<string, unknown>>;
type Method = (...args: unknown[]) => unknown;
type Inner = Record<string, Method>;
/** The classes differ in their bindings, which are passed through. */
type Base = new (ctx: DurableObjectState, env: never) => object;

export interface CountedOptions {
  readonly name: string;
  /** False for what stands in for somebody else's service: its own work is not on our bill. */
  readonly billed: boolean;
  /** Called for each message this object puts on the journal queue. */
  readonly onJournal?: () => void;
}

function methodsOf(base: Base): readonly string[] {
  const names = new Set<string>();
  let prototype = base.prototype as object;
  while (prototype !== DurableObject.prototype && prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const value = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown;
      if (name !== "constructor" && typeof value === "function") names.add(name);
    }
    prototype = Object.getPrototypeOf(prototype) as object;
  }
  return [...names];
}

/** Replaces a method of a runtime's object by one that sees each result. */
function tap(target: object, name: string, see: (result: unknown) => void): void {
  const real = (Reflect.get(target, name) as Method).bind(target);
  const value = (...args: unknown[]): unknown => {
    const result = real(...args);
    see(result);
    return result;
  };
  Object.defineProperty(target, name, { value, configurable: true });
}

/**
 * Wraps a class. The inner object's calls to itself are not requests, so it is held, not
 * extended.
 */
export function countedObject(base: Base, options: CountedOptions): typeof DurableObject<Bindings> {
  const { name, billed } = options;

  class Counted extends DurableObject<Bindings> {
    readonly #meter = new Meter(billed ? name : "excluded");
    readonly #inner: Inner;
    #cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

    constructor(ctx: DurableObjectState, env: Bindings) {
      super(ctx, env);
      const row = (): void => {
        if (billed) count("do_rows_written", 1, `${name} alarm`);
      };
      tap(ctx.storage.sql, "exec", (cursor) => this.#cursors.push(cursor as never));
      tap(ctx.storage, "setAlarm", row);
      tap(ctx.storage, "deleteAlarm", row);
      tap(ctx.storage, "put", row);
      tap(ctx.storage, "delete", row);
      tap(ctx, "waitUntil", () => undefined);
      const inner = countedEnv(env, this.#meter, options.onJournal) as never;
      this.#inner = this.#meter.run(() => new base(ctx, inner)) as unknown as Inner;
    }

    /** Cursors count while they are read, so they are asked once the call is over. */
    #rows(): void {
      for (const cursor of this.#cursors) {
        if (!billed) continue;
        count("do_rows_written", cursor.rowsWritten, name);
        count("do_rows_read", cursor.rowsRead, name);
      }
      this.#cursors = [];
    }

    async call(method: string, args: unknown[]): Promise<unknown> {
      if (billed) count("do_requests", 1, `${name}.${method}`);
      this.#meter.enter();
      try {
        return await this.#meter.run(() => this.#inner[method]?.(...args));
      } finally {
        this.#rows();
        // The answer is held back until the writes are durable, and the object with it.
        void this.ctx.storage.sync().finally(() => this.#meter.leave());
      }
    }
  }

  for (const method of methodsOf(base)) {
    Object.defineProperty(Counted.prototype, method, {
      value(this: Counted, ...args: unknown[]) {
        return this.call(method, args);
      },
      configurable: true,
    });
  }
  return Counted;
}
