/** The kinds that the chart and Helm use, by group and version, and by their names in paths. */
export const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  v1: {
    configmaps: "ConfigMap",
    pods: "Pod",
    secrets: "Secret",
    serviceaccounts: "ServiceAccount",
    services: "Service",
  },
  "apps/v1": { deployments: "Deployment", statefulsets: "StatefulSet" },
  "autoscaling/v2": { horizontalpodautoscalers: "HorizontalPodAutoscaler" },
  "batch/v1": { jobs: "Job" },
  "monitoring.coreos.com/v1": { prometheusrules: "PrometheusRule", servicemonitors: "ServiceMonitor" },
  "networking.k8s.io/v1": { ingresses: "Ingress", networkpolicies: "NetworkPolicy" },
  "policy/v1": { poddisruptionbudgets: "PodDisruptionBudget" },
};

/** Discovery documents: the cluster's version, groups, kinds and parameters. `undefined` for other paths. */
export function discover(path: string): object | undefined {
  if (path === "/version") return { major: "1", minor: "37", gitVersion: "v1.37.0" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return groupList();
  if (path === "/openapi/v3") return schemaList();
  const isSchema = path.startsWith("/openapi/v3/");
  const groupVersion = path.replace(/^(\/openapi\/v3)?\/apis?\//, "");
  const kinds = KINDS[groupVersion];
  if (kinds === undefined) return undefined;
  return isSchema ? schemaOf(groupVersion, kinds) : resourceList(groupVersion, kinds);
}

function groupList(): object {
  const groups = Object.keys(KINDS).filter((groupVersion) => groupVersion !== "v1");
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map((groupVersion) => {
      const [name, version] = groupVersion.split("/");
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
    }),
  };
}

function resourceList(groupVersion: string, kinds: Readonly<Record<string, string>>): object {
  const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
  const resources = Object.entries(kinds).map(([name, kind]) => ({
    name,
    singularName: kind.toLowerCase(),
    namespaced: true,
    kind,
    verbs,
  }));
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

function schemaList(): object {
  const paths = Object.keys(KINDS).map((groupVersion) => {
    const path = groupVersion === "v1" ? "api/v1" : `apis/${groupVersion}`;
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=1` }];
  });
  return { paths: Object.fromEntries(paths) };
}

/** States that the server validates fields, which clients check first. */
function schemaOf(groupVersion: string, kinds: Readonly<Record<string, string>>): object {
  const version = groupVersion.split("/").at(-1);
  const group = groupVersion.includes("/") ? groupVersion.split("/")[0] : "";
  const paths = Object.entries(kinds).map(([name, kind]) => [
    `/${name}/{name}`,
    {
      patch: {
        parameters: [{ name: "fieldValidation", in: "query" }],
        responses: {},
        "x-kubernetes-group-version-kind": { group, version, kind },
      },
    },
  ]);
  return { openapi: "3.0.0", info: { title: "Kubernetes", version }, paths: Object.fromEntries(paths) };
}
