import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  call,
  type DevFile,
  type Email,
  freePort,
  type Instance,
  postern,
  runs,
  stateFolder,
  until,
  workerds,
} from "../support/instance.ts";

const folder = stateFolder();
const started: Instance[] = [];

async function start(): Promise<Instance> {
  const env = { POSTERN_STATE: folder.path, PORT: String(await freePort()) };
  const instance = postern(["start"], env);
  started.push(instance);
  return instance;
}

/** Ends the whole group as the kernel does when memory is out. */
async function killGroup({ pid, exited }: Instance): Promise<void> {
  process.kill(-pid, "SIGKILL");
  await exited;
}

afterEach(async () => {
  for (const { child, exited } of started.splice(0)) {
    if (child.exitCode === null) child.kill("SIGTERM");
    await exited;
  }
});

afterAll(() => folder.remove());

const last = (dev: DevFile, id: string) => async (): Promise<string> =>
  (await call<Email>(dev, "GET", `/emails/${id}`)).last_event;

describe("npm start", () => {
  let first: DevFile;
  let mail: string;

  test("a first start prints the welcome mail's journey and a curl line that works", async () => {
    const instance = await start();
    await instance.ready();
    const printed = instance.stdout();
    expect(printed).toMatch(/accepted .* \+0 ms\n.*sent .* ms\n.*delivered .* ms\n/);
    first = folder.dev();
    expect(printed).toContain(`Postern runs on ${first.url},`);
    expect(first.apiKey).toMatch(/^post_test_/);
    expect(statSync(join(folder.path, "postern-dev.json")).mode & 0o777).toBe(0o600);

    const line = printed.split("\n").find((one) => one.startsWith("curl ")) ?? "";
    const answer = execFileSync("bash", ["-c", line], { encoding: "utf8", stdio: "pipe" });
    mail = (JSON.parse(answer) as { id: string }).id;
    expect(mail).toMatch(/^[0-9a-f-]{36}$/);
    await until("delivered", async () => (await last(first, mail)()) === "delivered");
    const { timeline } = await call<Email>(first, "GET", `/emails/${mail}`);
    const types = timeline.map((step) => step.type);
    expect(types).toEqual(["accepted", "sent", "delivered"]);
    expect(timeline.map((step) => step.at)).toEqual(timeline.map((step) => step.at).toSorted());
  });

  test("SIGINT ends it with 0 and leaves no workerd", async () => {
    const instance = await start();
    await instance.ready();
    const runtimes = workerds(instance.pid);
    expect(runtimes).toHaveLength(1);
    process.kill(-instance.pid, "SIGINT");
    expect(await instance.exited).toBe(0);
    expect(runtimes.filter(runs)).toEqual([]);
  });

  test("a second start keeps the key and the mail", async () => {
    const instance = await start();
    await instance.ready();
    const second = folder.dev();
    expect(second.apiKey).toBe(first.apiKey);
    expect(second.adminKey).toBe(first.adminKey);
    expect(await last(second, mail)()).toBe("delivered");
  });

  test("mail that waited when everything was killed goes on after the next start", async () => {
    const before = await start();
    await before.ready();
    const dev = folder.dev();
    await call(dev, "POST", "/streams/broadcast/pause");
    const { id } = await call<{ id: string }>(dev, "POST", "/emails", {
      from: "a@example.com",
      to: "delivered@sandbox.test",
      subject: "Later",
      text: "Later.",
      stream: "broadcast",
    });
    await killGroup(before);

    const after = await start();
    await after.ready();
    const again = folder.dev();
    expect(["queued", "waiting"]).toContain(await last(again, id)());
    await call(again, "POST", "/streams/broadcast/resume");
    await until("delivered", async () => (await last(again, id)()) === "delivered", 60_000);
  });

  test("mail in the middle of the pipeline goes on by itself after a kill", async () => {
    const before = await start();
    await before.ready();
    const posts = Array.from({ length: 20 }, (_, index) =>
      call<{ id: string }>(folder.dev(), "POST", "/emails", {
        from: "a@example.com",
        to: `delivered+${index}@sandbox.test`,
        subject: "Now",
        text: "Now.",
      }),
    );
    const ids = (await Promise.all(posts)).map(({ id }) => id);
    await killGroup(before);

    const after = await start();
    await after.ready();
    for (const id of ids) {
      await until(
        "delivered",
        async () => (await last(folder.dev(), id)()) === "delivered",
        90_000,
      );
    }
  });

  test("workerd ends even if only the process that started it is killed", async () => {
    const instance = await start();
    await instance.ready();
    const runtimes = workerds(instance.pid);
    process.kill(instance.pid, "SIGKILL");
    await instance.exited;
    await until("workerd is gone", () => !runtimes.some(runs), 5_000);
  });

  test("two starts on one state are refused", async () => {
    const one = await start();
    await one.ready();
    const two = await start();
    expect(await two.exited).toBe(1);
    expect(two.stderr()).toContain(`Process ${one.pid} runs on ${folder.path} already.`);
  });
});

describe("npm start refuses", () => {
  test("a taken port, with one line, before anything is made or built", async () => {
    const state = join(folder.path, "untouched");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const instance = postern(["start"], { POSTERN_STATE: state, PORT: String(port) });
    expect(await instance.exited).toBe(1);
    server.close();
    expect(instance.stderr().trimEnd().split("\n")).toEqual([
      `Port ${port} is taken. Stop what listens there, or choose another: PORT=8788 npm start`,
    ]);
    expect(existsSync(state)).toBe(false);
  });

  test("a port that is none, and an option it does not know", async () => {
    for (const [args, env] of [
      [["start"], { PORT: "http" }],
      [["start", "--prot", "1"], {}],
    ] as const) {
      const instance = postern([...args], env);
      expect(await instance.exited).toBe(2);
      expect(instance.stderr()).not.toContain("    at ");
    }
  });
});
