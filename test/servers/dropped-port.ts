import { execFileSync } from "node:child_process";

/** Ports whose packets are currently dropped; the rules are removed when the process exits. */
const dropped = new Set<number>();
process.once("exit", () => {
  for (const port of dropped) change("-D", port);
});

/**
 * Drops all packets to and from a port of this machine, like a broken network: nothing is refused, and no connection is
 * closed.
 *
 * @throws if iptables is missing or not permitted
 */
export function dropPackets(port: number): void {
  if (dropped.has(port)) return;
  dropped.add(port);
  change("-I", port);
}

/** Lets the packets of a port through again. */
export function letPacketsThrough(port: number): void {
  if (!dropped.delete(port)) return;
  change("-D", port);
}

function change(action: "-I" | "-D", port: number): void {
  for (const direction of ["--dport", "--sport"]) {
    execFileSync("iptables", ["-w", action, "INPUT", "-p", "tcp", direction, String(port), "-j", "DROP"]);
  }
}
