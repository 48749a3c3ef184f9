/** `[vars.POSTERN.reputation]`: when the guard acts on bounces and complaints. */
import { z } from "zod";

/** Percent; each above the one before. */
const levels = (warn: number, slow: number, pause: number) =>
  z
    .strictObject({
      warn: z.number().positive().max(100).default(warn),
      slow: z.number().positive().max(100).default(slow),
      pause: z.number().positive().max(100).default(pause),
    })
    .refine((one) => one.warn < one.slow && one.slow < one.pause, "warn < slow < pause, in percent")
    .prefault({});

/** When the guard acts on bounces and complaints; see core/reputation. */
export const reputation = z
  .strictObject({
    /** Gmail and Yahoo judge by the day. */
    window_hours: z.number().int().min(1).max(168).default(24),
    /** At a true rate of 1 %, one sample of 200 in a thousand looks like 4 %. */
    minimum_sent: z.number().int().min(1).default(200),
    /** Of sites that report complaints; below it one complaint would be a tenth of a percent. */
    minimum_reached: z.number().int().min(1).default(1_000),
    /** Twice the rate at which filtering begins is where Postmark stops a sender. */
    bounces: levels(2, 3, 4),
    /** Gmail and Yahoo: below 0.1 %, and never 0.3 %. */
    complaints: levels(0.08, 0.1, 0.3),
    /** What a mailbox operator takes from a source that it does not know: 50 to 100 a minute. */
    slow_broadcast_per_minute: z.number().min(1).default(50),
    /** Above any team's logins and receipts, below what a runaway form or bot makes. */
    slow_transactional_per_minute: z.number().min(1).default(600),
    /** In the hour of a pause nothing is on trial, so that a pause takes one at least. */
    pause_hours: z.number().min(1).max(168).default(2),
    pause_max_hours: z.number().min(1).max(720).default(48),
    probation_sent: z.number().int().min(1).default(500),
  })
  .refine((one) => one.pause_hours <= one.pause_max_hours, "pause_hours <= pause_max_hours");
