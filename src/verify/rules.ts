/** From the configuration to the rules of the checks and of the advice. */
import type { VerifyConfig } from "../config.ts";
import { DEFAULT_ADVICE } from "./advice.ts";
import type { VerifyRules } from "./ports.ts";
import type { Reason, Recommendation } from "./verdict.ts";

const DAY_MS = 86_400_000;

/** The rules that `[vars.POSTERN.verify]` states. */
export function rulesFrom(config: VerifyConfig): VerifyRules {
  const own = Object.entries(config.advice).filter(([, advice]) => advice !== undefined);
  return {
    forms: config.forms,
    advice: {
      ...DEFAULT_ADVICE,
      ...(Object.fromEntries(own) as Partial<Record<Reason, Recommendation>>),
    },
    reviewBelow: config.review_below,
    blockBelow: config.block_below,
    hardMs: config.hard_days * DAY_MS,
    deliveredMs: config.delivered_days * DAY_MS,
  };
}
