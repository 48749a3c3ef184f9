import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experimental_readRawConfig as readRawConfig } from "wrangler";

/** The `vars` of a piece of wrangler.toml, as the tool that deploys it reads them. */
export function readToml(text: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), "postern-docs-"));
  try {
    const config = join(folder, "wrangler.toml");
    writeFileSync(config, text);
    return readRawConfig({ config }).rawConfig.vars ?? {};
  } finally {
    rmSync(folder, { recursive: true });
  }
}
