import { type Manifest, matches } from "./manifests.js";
import type { RenderedChart } from "./rendered-chart.js";

type Labels = Readonly<Record<string, string>>;

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
}

interface Peer {
  readonly podSelector?: { readonly matchLabels?: Labels };
  readonly namespaceSelector?: { readonly matchLabels?: Labels };
  readonly ipBlock?: { readonly cidr: string };
}

/** One end of a connection: a pod in the release's namespace, or anything outside it. */
export type End = { readonly labels: Labels } | "outside";

/**
 * Whether the NetworkPolicies allow a connection, by Kubernetes' rules: if policies select a pod for a direction, only
 * connections that one of their rules allows are possible in it. Both ends must allow the connection.
 */
export function mayReach(chart: RenderedChart, from: End, to: End, port: number): boolean {
  return isAllowed(chart, "Egress", from, to, port) && isAllowed(chart, "Ingress", to, from, port);
}

function isAllowed(
  chart: RenderedChart,
  direction: "Ingress" | "Egress",
  end: End,
  other: End,
  port: number,
): boolean {
  if (end === "outside") return true;
  const policies = chart
    .of("NetworkPolicy")
    .filter(({ spec }) => spec.policyTypes.includes(direction))
    .filter(({ spec }) => matches(spec.podSelector.matchLabels, end.labels));
  if (policies.length === 0) return true;
  return policies.flatMap((policy) => rulesOf(policy, direction)).some((rule) => allows(rule, other, port));
}

function rulesOf({ spec }: Manifest, direction: "Ingress" | "Egress"): readonly Rule[] {
  return (direction === "Ingress" ? spec.ingress : spec.egress) ?? [];
}

function allows({ from, to, ports }: Rule, other: End, port: number): boolean {
  const isPort = ports === undefined || ports.some((one) => one.protocol === "TCP" && one.port === port);
  const peers = from ?? to;
  // An empty list, like a missing one, allows all peers.
  return isPort && (peers === undefined || peers.length === 0 || peers.some((peer) => isPeer(peer, other)));
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, other: End): boolean {
  if (ipBlock !== undefined || namespaceSelector !== undefined) return false; // not in this namespace
  return other !== "outside" && matches(podSelector?.matchLabels, other.labels);
}
