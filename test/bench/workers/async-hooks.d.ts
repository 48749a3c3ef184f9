/** The part of `nodejs_compat` that the meters use; the Worker's own types leave Node's out. */
declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, work: () => R): R;
    getStore(): T | undefined;
  }
}
