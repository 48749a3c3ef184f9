/** A database that can be taken down, below everything that asks it. */
import { database, scriptFor } from "./faults.ts";

const DOWN = "D1_ERROR: Network connection lost.";

/** The database, which answers nothing while it is down, at all or for a scope. */
export function breakable(db: D1Database, scope = ""): D1Database {
  const isDown = (): boolean => database.down || scriptFor(scope).databaseDown;
  const guard = <T extends object>(target: T, methods: readonly string[], wrapped: string): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name === wrapped) {
          return (...args: unknown[]) => {
            const statement: object = Reflect.apply(value, target, args);
            return isDown() ? guard(statement, ["first", "all", "run", "raw"], "bind") : statement;
          };
        }
        return (...args: unknown[]) =>
          isDown() && methods.includes(String(name))
            ? Promise.reject(new Error(DOWN))
            : Reflect.apply(value, target, args);
      },
    });
  return guard(db, ["batch", "exec"], "prepare");
}
