/** Certificates that workerd trusts beside those of browsers. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Loads what imports Miniflare with a certificate added to those of NODE_EXTRA_CA_CERTS: Miniflare
 * reads them when it is first imported, and has no other way to hand one to workerd. Afterwards the
 * variable is as it was, so that no Node process trusts the certificate.
 *
 * @param path a file in PEM
 */
export async function trusting<T>(path: string, load: () => Promise<T>): Promise<T> {
  const given = process.env.NODE_EXTRA_CA_CERTS;
  const folder = mkdtempSync(join(tmpdir(), "postern-trust-"));
  try {
    const both = join(folder, "certificates.pem");
    const usual = given !== undefined && existsSync(given) ? readFileSync(given, "utf8") : "";
    writeFileSync(both, `${usual}\n${readFileSync(path, "utf8")}`);
    process.env.NODE_EXTRA_CA_CERTS = both;
    return await load();
  } finally {
    if (given === undefined) delete process.env.NODE_EXTRA_CA_CERTS;
    else process.env.NODE_EXTRA_CA_CERTS = given;
    rmSync(folder, { recursive: true, force: true });
  }
}
