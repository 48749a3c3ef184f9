/** Reports in the manner of the mail servers and operators that write them, as bytes. */
export { multipart, original, plain } from "./fixtures/build.ts";
export * from "./fixtures/complaints.ts";
export * from "./fixtures/status.ts";
export * from "./fixtures/words.ts";
