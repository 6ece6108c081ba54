import { execFileSync } from "node:child_process";
import { join } from "node:path";

export interface Certificate {
  /** Path of the certificate, which is self-signed. */
  readonly certificate: string;
  /** Path of its private key. */
  readonly key: string;
}

/** Creates a certificate for 127.0.0.1 in a folder. */
export function makeCertificate(folder: string): Certificate {
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"],
      ...["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  return { certificate, key };
}
