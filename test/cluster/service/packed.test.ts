// The contract on PostgreSQL, Redis, MinIO and a worker, with encodings packed into objects.
import test from "ava";
import { contracts } from "../../service/contract/index.js";
import { StartedCluster } from "../../service/started-cluster.js";
import { holdsContracts } from "../../service/test-service.js";

holdsContracts(test, "packed", () => StartedCluster.start({ kind: "packed" }), contracts);
