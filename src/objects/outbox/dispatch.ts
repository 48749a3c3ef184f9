/** What leaves an Outbox: packs of pointers for the lanes, units for the journal. */
import { journalUnit, jsonBytes, type Lane, type Pack } from "../../core/custody.ts";
import { createPump, type Pump } from "./pump.ts";
import type { OutboxState } from "./state.ts";

/** Ids in one pack, and packs in one sending (a queue takes 100 messages a call). */
const PACK_IDS_MAX = 100;
const PACKS_MAX = 20;

/** Under load a lane sends 50 times a second at most, so that packs fill. */
const PACK_GAP_MS = 20;

/** Under load the journal is written 20 times a second at most: D1 commits groups. */
const JOURNAL_GAP_MS = 50;

/** Bytes: a queue message is at most 128 KB. */
const JOURNAL_WEIGHT_MAX = 120_000;
const JOURNAL_UNITS_MAX = 100;

export interface Dispatch {
  /** Sends what is ready, as far as something is. */
  kick(): void;
}

/**
 * Makes the pumps of one Outbox; they hold nothing that the state does not. `left` is called when
 * packs leave, whose ids have new deadlines then.
 */
export function createDispatch(state: OutboxState, left: () => void): Dispatch {
  const { deps, book, table, unjournaled } = state;
  // Pointers of an earlier life of the object carry older generations and are passed over.
  let generation = deps.now();

  const pump = (queue: string, gapMs: number, sendPortion: () => Promise<boolean>): Pump =>
    createPump({
      now: deps.now,
      random: deps.random,
      sleep: deps.sleep,
      gapMs,
      sendPortion,
      failed: (error) => deps.log("queue_refused", { queue, reason: String(error) }),
    });

  async function sendPacks(lane: Lane): Promise<boolean> {
    const now = deps.now();
    const packs: Pack[] = [];
    while (packs.length < PACKS_MAX) {
      generation += 1;
      const ids = book.takeReady(lane, PACK_IDS_MAX, generation, now);
      if (ids.length === 0) break;
      packs.push({ v: 1, ...state.ref, ids, generation });
    }
    if (packs.length === 0) return false;
    left();
    try {
      await deps.sendPacks(lane, packs);
    } catch (error) {
      for (const pack of packs) book.takeBack(pack, deps.now());
      throw error;
    }
    return book.hasReady(lane);
  }

  async function sendJournal(): Promise<boolean> {
    const units = takeUnits();
    if (units.length === 0) return false;
    try {
      await deps.sendJournal({ v: 1, kind: "units", ...state.ref, units });
    } catch (error) {
      for (const { id } of units) if (book.entries.has(id)) unjournaled.add(id);
      throw error;
    }
    return unjournaled.size > 0;
  }

  function takeUnits(): ReturnType<typeof journalUnit>[] {
    const units: ReturnType<typeof journalUnit>[] = [];
    let weight = 0;
    for (const id of unjournaled) {
      const row = table.headed(id);
      if (row !== null) {
        const next = journalUnit(id, row.head, row.record);
        weight += jsonBytes(next);
        if (units.length > 0 && weight > JOURNAL_WEIGHT_MAX) break;
        units.push(next);
      }
      unjournaled.delete(id);
      if (units.length === JOURNAL_UNITS_MAX) break;
    }
    return units;
  }

  const lanes = {
    transactional: pump("transactional", PACK_GAP_MS, () => sendPacks("transactional")),
    broadcast: pump("broadcast", PACK_GAP_MS, () => sendPacks("broadcast")),
  };
  const journal = pump("journal", JOURNAL_GAP_MS, sendJournal);

  return {
    kick() {
      if (book.hasReady("transactional")) lanes.transactional.kick();
      if (book.hasReady("broadcast")) lanes.broadcast.kick();
      if (unjournaled.size > 0) journal.kick();
    },
  };
}
