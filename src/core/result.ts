/** An expected outcome of an operation that may fail. A throw is a bug; a failure is a value. */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Wraps a success. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

/** Wraps an expected failure. */
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({
  ok: false,
  error,
});

/** Marks the arm of a union that cannot be reached; the compiler proves it. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
