// The contract on PostgreSQL, Redis, MinIO and a worker, with encodings in tables.
import test from "ava";
import { contracts } from "../../service/contract/index.js";
import { StartedCluster } from "../../service/started-cluster.js";
import { holdsContracts } from "../../service/test-service.js";

holdsContracts(test, "tables", () => StartedCluster.start({ kind: "tables" }), contracts);
