/** The stub of a provider as its own process, and the benches' way to its books. */
import { join } from "node:path";
import { here, launch, type Running } from "./harness.ts";
import type { Books, Mode, StubSettings } from "./stub.ts";

export interface Provider extends Running {
  setMode(mode: Mode): Promise<Books>;
  /** Forgets all it has taken. */
  reset(): Promise<void>;
  /** Every subject with its counts. */
  books(): Promise<Books>;
  /** The totals alone, cheap to ask for. */
  totals(): Promise<Books>;
}

/** Starts a stub; it lives until `stop` or the end of the bench. */
export async function startProvider(settings: StubSettings): Promise<Provider> {
  const running = await launch(join(here, "stub.ts"), settings);
  const post = async (path: string, body: unknown): Promise<Books> => {
    const url = new URL(path, running.url);
    const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()) as Books;
  };
  return {
    ...running,
    setMode: (mode) => post("/control/mode", { mode }),
    reset: async () => {
      await post("/control/reset", {});
    },
    books: () => post("/control/books", {}),
    totals: () => post("/control/totals", {}),
  };
}
