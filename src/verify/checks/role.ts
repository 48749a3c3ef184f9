/** Local parts that name a task. */
import { type Check, finding } from "./check.ts";

const ROLE = finding("role", "note");

/** A note: info@ takes mail as any other does; whether to write to it depends on what is sent. */
export const role: Check = (subject) => (subject.role ? ROLE : null);
